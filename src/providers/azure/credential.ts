/** Tokens of Entra ID, by the one credential that dso.yaml names. */
import type { SecretClient } from "@azure/keyvault-secrets";
import { abortable } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import type { Secret } from "../../model/secret.ts";
import { ATTEMPTS, type LastAnswer, type Transport } from "./transport.ts";

export type AzureLogin =
  | { readonly method: "default" }
  | { readonly method: "managed_identity"; readonly clientId: string | undefined }
  | {
      readonly method: "client_secret";
      readonly tenantId: string;
      readonly clientId: string;
      /** Asked for anew after a refusal: its file may have been written anew meanwhile. */
      readonly secret: () => Secret;
    };

export interface CredentialOptions {
  readonly provider: string;
  readonly login: AzureLogin;
  /** Undefined: the public cloud, or what `$AZURE_AUTHORITY_HOST` says. */
  readonly authorityHost: string | undefined;
  /** Where Entra ID is then asked. */
  readonly authorityOrigin: string;
  readonly transport: Transport;
}

type Credential = ConstructorParameters<typeof SecretClient>[1];

/** One token, whichever way: some of them try several things one after the other. */
const LONGEST_MS = 60_000;

/** Its `getToken` rejects with a DsoError: `provider-auth`, or `provider-unreachable` where nobody answers. */
export function createCredential(options: CredentialOptions): Credential {
  let made: Promise<Credential> | undefined;
  return {
    async getToken(scopes, asked) {
      const deadline = AbortSignal.timeout(LONGEST_MS);
      options.transport.takeLast();
      try {
        const credential = await (made ??= make(options));
        return await abortable(credential.getToken(scopes, asked), deadline);
      } catch (error) {
        made = undefined;
        throw deadline.aborted ? silent(options) : refusal(options, error);
      }
    },
  };
}

async function make({ login, authorityHost, transport }: CredentialOptions): Promise<Credential> {
  const more = {
    httpClient: transport,
    retryOptions: ATTEMPTS,
    // Another authority than Microsoft's is unknown to Microsoft.
    ...(authorityHost === undefined ? {} : { authorityHost, disableInstanceDiscovery: true }),
  };
  switch (login.method) {
    case "default": {
      const { DefaultAzureCredential } = await import("./sdk.ts");
      return new DefaultAzureCredential(more);
    }
    case "managed_identity": {
      const { ManagedIdentityCredential } = await import("./sdk.ts");
      const { clientId } = login;
      return new ManagedIdentityCredential({
        ...more,
        ...(clientId !== undefined && { clientId }),
      });
    }
    case "client_secret": {
      const { ClientSecretCredential } = await import("./sdk.ts");
      using secret = login.secret();
      const text = secret.reveal().toString();
      return new ClientSecretCredential(login.tenantId, login.clientId, text, more);
    }
  }
}

/** Without the error itself: it holds the request, and so the secret. */
function refusal(options: CredentialOptions, error: unknown): DsoError {
  if (error instanceof DsoError) return error;
  const { provider, login, transport } = options;
  // The chain asks at places where nobody need be: of those that it asks, Entra ID alone has to be there.
  const isChain = login.method === "default";
  const last = transport.takeLast(isChain ? options.authorityOrigin : undefined);
  const name = error instanceof Error ? error.name : "";
  const text = error instanceof Error ? error.message : "";
  if (text.includes("not configured to acquire tokens for tenant")) return otherTenant(provider);
  if (last !== undefined) {
    const trouble = last instanceof DsoError ? away(options, last) : troubleOf(provider, last);
    if (trouble !== undefined) return trouble;
  }
  const code =
    /AADSTS\d{4,8}/.exec(text)?.[0] ?? (last instanceof DsoError ? undefined : last?.code);
  const message = `provider "${provider}": the login by ${login.method} was refused: ${code ?? (name || "no token")}`;
  return new DsoError("provider-auth", message, { hint: hintFor(options, code) });
}

/** Nobody answers: where a machine of Azure asks for its identity, elsewhere nobody does. */
function away(options: CredentialOptions, { code, message, hint }: DsoError): DsoError {
  const isMachine = options.login.method === "managed_identity";
  const said = isMachine ? hintFor(options, undefined) : hint;
  return new DsoError(code, message, said === undefined ? {} : { hint: said });
}

function silent({ provider, login }: CredentialOptions): DsoError {
  const message = `provider "${provider}": the login by ${login.method} had no answer within ${LONGEST_MS / 1000} s`;
  return new DsoError("provider-unreachable", message, { hint: "What runs keeps what it has." });
}

function troubleOf(provider: string, { origin, status, isJson }: LastAnswer): DsoError | undefined {
  if (status === 429) {
    const message = `provider "${provider}": ${origin} takes no more logins for now`;
    return new DsoError("provider-throttled", message, {
      hint: "Ask less often: agent.watch.polling_interval.",
    });
  }
  if (status < 500 && isJson) return undefined;
  const message = `provider "${provider}": what answers at ${origin} (status ${status}) gives no token`;
  return new DsoError("provider-unreachable", message, {
    hint: "Correct authority_host in dso.yaml, or wait until it works again: what runs keeps what it has.",
  });
}

function otherTenant(provider: string): DsoError {
  const message = `provider "${provider}": the vault belongs to another tenant than tenant_id names`;
  return new DsoError("provider-auth", message, {
    hint: `Set providers.${provider}.auth.tenant_id to the tenant of the vault's subscription.`,
  });
}

const CAUSES: Readonly<Record<string, string>> = {
  AADSTS7000215: "client_secret is wrong: give the secret's value, not its id",
  AADSTS7000222: "client_secret has expired: make a new one",
  AADSTS700016: "the tenant has no application of that client_id",
  AADSTS90002: "there is no such tenant_id",
  AADSTS900023: "tenant_id is none",
  AADSTS7000229: "the application has no service principal in that tenant",
};

function hintFor({ provider, login }: CredentialOptions, code: string | undefined): string {
  const cause = code === undefined ? undefined : CAUSES[code];
  if (cause !== undefined) return `Correct providers.${provider}.auth: ${cause}.`;
  switch (login.method) {
    case "default":
      return "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, give the machine a managed identity, or run az login.";
    case "managed_identity":
      return `Assign the identity to this machine, or correct providers.${provider}.auth.client_id; outside of Azure use client_secret.`;
    case "client_secret":
      return `Correct providers.${provider}.auth in dso.yaml, or what it names.`;
  }
}
