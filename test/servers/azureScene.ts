/** A Key Vault with an application that may read, and providers that ask it. */
import type { SecretProvider } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import type { Settings } from "../../src/model/settings.ts";
import { openAzureProvider } from "../../src/providers/azure/open.ts";
import { unhurried } from "../fakes/time.ts";
import type { Identity } from "./entra.ts";
import { type FakeKeyVault, startKeyVault, TENANT } from "./keyVault.ts";

export interface AzureScene extends AsyncDisposable {
  readonly vault: FakeKeyVault;
  /** With these settings above the usual ones. */
  readonly open: (more?: Settings) => SecretProvider;
  /** Logged in as an application of its own. */
  readonly openAs: (identity: Identity) => SecretProvider;
  /** The value as the only one that the secret has. */
  readonly put: (name: string, value: string) => string;
}

export const SECRET = "client-secret-of-the-test";
const READER: Identity = { permissions: ["get", "list"] };

export async function startAzure(): Promise<AzureScene> {
  const vault = await startKeyVault();
  vault.entra.apps.push({ clientId: "reader", secret: SECRET, ...READER });
  const opened: SecretProvider[] = [];
  const open: AzureScene["open"] = (more = {}) => {
    const { caFile, url } = vault;
    const usual = { vault_url: url, authority_host: url, emulator: true, tls: { ca_cert: caFile } };
    const settings = { ...usual, auth: clientSecret(SECRET), ...more };
    const provider = openAzureProvider({
      ...{ name: "azure", settings, environment: {}, directory: "/" },
      ...unhurried,
    });
    opened.push(provider);
    return provider;
  };
  return {
    ...{ vault, open },
    openAs: (identity) => {
      const clientId = `app-${vault.entra.apps.length}`;
      vault.entra.apps.push({ clientId, secret: SECRET, ...identity });
      return open({ auth: { ...clientSecret(SECRET), client_id: clientId } });
    },
    put: (name, value) => vault.store.put(name, { value }).id,
    async [Symbol.asyncDispose]() {
      for (const provider of opened) await provider.close();
      await vault[Symbol.asyncDispose]();
    },
  };
}

export function clientSecret(text: string): Settings {
  const secret = new Secret(Buffer.from(text));
  return { method: "client_secret", tenant_id: TENANT, client_id: "reader", client_secret: secret };
}
