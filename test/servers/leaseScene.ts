/** An OpenBao with a database, and as many processes of one home as a test wants. */
import { join } from "node:path";
import type { Lease, Leases, Tended } from "../../src/model/leases.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import type { Settings } from "../../src/model/settings.ts";
import { createLeaseFiles } from "../../src/providers/leases/files.ts";
import type { LeaseStore } from "../../src/providers/leases/store.ts";
import { openLeasedProvider } from "../../src/providers/vault/openLeased.ts";
import { unhurried } from "../fakes/time.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { never } from "../reconciler/world.ts";
import { type Bao, startBao } from "./bao.ts";
import { mountDatabase, type Postgres, startPostgres } from "./postgres.ts";
import { credential } from "./vaultScene.ts";
import { values } from "./told.ts";

/** What the engine needs, and nothing else; the second may not give back what it got. */
const POLICIES = {
  leases: `path "database/creds/*" { capabilities = ["read"] }
path "pki/*" { capabilities = ["update"] }
path "certificates/issue/*" { capabilities = ["update"] }
path "sys/leases/revoke" { capabilities = ["update"] }`,
  issuing: `path "database/creds/*" { capabilities = ["read"] }`,
};

export interface Process {
  readonly provider: SecretProvider;
  readonly store: LeaseStore;
  readonly version: (path: string) => Promise<unknown>;
  readonly values: (path: string, pinned?: string) => Promise<Readonly<Record<string, string>>>;
  readonly tend: () => Promise<Tended>;
  readonly list: () => Promise<readonly Lease[]>;
  readonly end: (version: string) => Promise<boolean>;
  /** Its clocks go on by so much, and the server's do not: what is due by then is not over yet. */
  readonly pass: (ms: number) => void;
}

export interface LeaseScene extends AsyncDisposable {
  readonly bao: Bao;
  readonly postgres: Postgres;
  /** A home by that name. */
  readonly open: (home: string, auth: Settings, more?: Settings) => Promise<Process>;
  /** `auth:` with a token that was given to us; `token` is it. */
  readonly given: (policy: string, more?: object) => Promise<Settings & { readonly text: string }>;
  /** `auth:` of somebody who logs in; `bare`: with a token that may not even give itself back. */
  readonly user: (policy: string, bare?: boolean) => Promise<Settings>;
  readonly memory: string;
  readonly placesOf: (home: string) => { readonly stateDir: string; readonly locksDir: string };
}

/** Of whoever logs in. */
export const PASSWORD = "pass-of-the-test";

export async function startLeases(): Promise<LeaseScene> {
  const [bao, postgres, directory] = await Promise.all([
    startBao(),
    startPostgres(),
    temporaryDirectory(),
  ]);
  await mountDatabase(bao, postgres, {
    ...{ app: ["8s", "16s"], brief: ["15s", "1h"], long: ["1h", "2h"] },
  });
  for (const [name, policy] of Object.entries(POLICIES)) {
    await bao.root("PUT", `sys/policies/acl/${name}`, { policy });
  }
  await bao.root("POST", "sys/auth/userpass", { type: "userpass" });
  const memory = join(directory.path, "memory");
  const placesOf: LeaseScene["placesOf"] = (home) => ({
    stateDir: join(directory.path, home, "state"),
    locksDir: join(directory.path, home, "locks"),
  });
  return {
    ...{ bao, postgres, memory, placesOf },
    open: async (home, auth, more = {}) => {
      const store = createLeaseFiles({ ...placesOf(home), memory: () => Promise.resolve(memory) });
      const tls = { ca_cert: bao.caFile };
      let passed = 0;
      const clock = {
        now: () => Date.now() + passed,
        elapsed: () => performance.now() + passed,
        sleep: () => Promise.reject(new Error("nobody sleeps here")),
      };
      const provider = await openLeasedProvider({
        ...{ name: "db", environment: {}, directory: bao.directory, clock },
        pace: unhurried.pace,
        settings: { engine: "database", addr: bao.addr, tls, auth, ...more },
        leases: () => Promise.resolve(store),
      });
      return { ...processOf(provider, store), pass: (ms) => void (passed += ms) };
    },
    given: async (policy, more = {}) => {
      const body = { policies: [policy], no_parent: true, display_name: "dso", ...more };
      const made = await bao.root("POST", "auth/token/create", body);
      const { client_token: text } = (made as { auth: { client_token: string } }).auth;
      return { method: "token", token: credential(text), text };
    },
    user: async (policy, bare = false) => {
      const username = `${policy}${bare ? "-bare" : ""}`;
      const token = { token_policies: [policy], token_ttl: "1h", token_no_default_policy: bare };
      await bao.root("POST", `auth/userpass/users/${username}`, { password: PASSWORD, ...token });
      return { method: "userpass", username, password: credential(PASSWORD) };
    },
    async [Symbol.asyncDispose]() {
      for (const one of [bao, postgres, directory]) await one[Symbol.asyncDispose]();
    },
  };
}

function processOf(provider: SecretProvider, store: LeaseStore): Omit<Process, "pass"> {
  const leases = provider.leases as Leases;
  return {
    ...{ provider, store },
    version: async (path) => [...(await provider.versions([{ path }], never)).values()][0],
    values: async (path, pinned) => {
      const found = await values(provider, { path, ...(pinned !== undefined && { pinned }) });
      if (found instanceof Error) throw found;
      return found as Readonly<Record<string, string>>;
    },
    tend: () => leases.tend(never),
    list: () => leases.list(),
    end: async (version) => {
      const lease = (await leases.list()).find((one) => one.version === version);
      if (lease === undefined) throw new Error(`there is no ${version}`);
      return leases.end(lease, never);
    },
  };
}
