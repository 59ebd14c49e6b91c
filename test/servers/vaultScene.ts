/** An OpenBao with two policies, and providers that ask it. */
import type { SecretProvider } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import type { Setting, Settings } from "../../src/model/settings.ts";
import { openVaultProvider } from "../../src/providers/vault/open.ts";
import { unhurried } from "../fakes/time.ts";
import { type Bao, startBao } from "./bao.ts";

/** `watcher` may read no value. */
const POLICIES = {
  reader: `path "secret/data/*" { capabilities = ["read"] }
path "secret/metadata/*" { capabilities = ["read"] }
path "secret/detailed-metadata/*" { capabilities = ["list"] }`,
  watcher: `path "secret/metadata/*" { capabilities = ["read"] }
path "secret/detailed-metadata/*" { capabilities = ["list"] }`,
};

export interface VaultScene extends AsyncDisposable {
  readonly bao: Bao;
  readonly open: (auth: Settings, more?: Settings) => SecretProvider;
  readonly withToken: (policy: string, more?: Settings) => Promise<SecretProvider>;
  readonly policy: (name: string, text: string) => Promise<unknown>;
  readonly put: (path: string, data: unknown) => Promise<unknown>;
}

export async function startVault(): Promise<VaultScene> {
  const bao = await startBao();
  const policy: VaultScene["policy"] = (name, text) =>
    bao.root("PUT", `sys/policies/acl/${name}`, { policy: text });
  for (const [name, text] of Object.entries(POLICIES)) await policy(name, text);
  const open: VaultScene["open"] = (auth, more = {}) => {
    const settings = { addr: bao.addr, tls: { ca_cert: bao.caFile }, auth, ...more };
    const from = { name: "vault", settings, environment: {}, directory: bao.directory };
    return openVaultProvider({ ...from, ...unhurried });
  };
  return {
    ...{ bao, open, policy },
    withToken: async (name, more) => {
      const body = { policies: [name], no_parent: true, display_name: "dso" };
      const made = await bao.root("POST", "auth/token/create", body);
      const { auth } = made as { auth: { client_token: string } };
      const token: Setting = credential(auth.client_token);
      return open({ method: "token", token }, more);
    },
    put: (path, data) => bao.root("POST", `secret/data/${encode(path)}`, { data }),
    [Symbol.asyncDispose]: () => bao[Symbol.asyncDispose](),
  };
}

export const credential = (text: string): Secret => new Secret(Buffer.from(text));
export const encode = (path: string): string => path.split("/").map(encodeURIComponent).join("/");
