/** What a call to Key Vault came to instead of an answer. */
import { DsoError } from "../../model/errors.ts";
import type { SecretRequest } from "../../model/ports.ts";
import type { Said } from "./transport.ts";

export interface Asked {
  readonly provider: string;
  readonly vault: URL;
  /** What access policies call it. */
  readonly permission: "get" | "list";
  /** Of one secret, and not of the vault. */
  readonly request?: SecretRequest;
}

/** Without the error itself: it holds the request with its token, and the answer with its value. */
export function faultOf(asked: Asked, error: unknown, said: Said | undefined): DsoError {
  if (error instanceof DsoError) return error;
  if (said === undefined) return noAnswer(asked, error);
  const { status } = said;
  if (status === 401) return refusedToken(asked, said);
  if (status === 403) return denial(asked, said);
  if (status === 404 && said.code === "SecretNotFound" && asked.request !== undefined) {
    return goneOrMissing(asked, asked.request);
  }
  if (status === 429) return throttled(asked, said);
  return new DsoError(
    "provider-unreachable",
    `${whereOf(asked)} answers with ${status}${words(said)}`,
    {
      hint: "Look at the vault's health in the portal; what runs keeps what it has.",
    },
  );
}

/** A version that is not there any more, or no secret at all. */
export function goneOrMissing({ provider, vault }: Asked, request: SecretRequest): DsoError {
  const name = `secret "${provider}:${request.path}"`;
  if (request.pinned !== undefined) {
    return new DsoError(
      "secret-version-gone",
      `${name} has no version ${request.pinned} any more`,
      {
        hint: "Take another version, or none for the newest.",
      },
    );
  }
  return new DsoError("secret-missing", `${name} does not exist`, {
    hint: `Write it (az keyvault secret set --vault-name ${vaultName(vault)} --name ${request.path}), or bring a deleted one back (az keyvault secret recover).`,
  });
}

export function disabled({ provider, vault }: Asked, { path }: SecretRequest): DsoError {
  return new DsoError("secret-denied", `secret "${provider}:${path}" is disabled`, {
    hint: `Enable it: az keyvault secret set-attributes --enabled true --vault-name ${vaultName(vault)} --name ${path}`,
  });
}

export function vaultName({ hostname }: URL): string {
  return hostname.split(".")[0] ?? hostname;
}

function denial(asked: Asked, said: Said): DsoError {
  const { provider, vault, permission, request } = asked;
  if (said.inner === "SecretDisabled" && request !== undefined) return disabled(asked, request);
  if (/^ForbiddenBy(Firewall|Connection)$/.test(said.inner)) {
    return new DsoError(
      "provider-unreachable",
      `${whereOf(asked)} takes no request from this network${words(said)}`,
      {
        hint: `Allow this address in the vault's firewall, or use its private endpoint: az keyvault network-rule add --name ${vaultName(vault)}`,
      },
    );
  }
  const [verb, role] =
    permission === "get"
      ? ["read", "Key Vault Secrets User"]
      : ["list the versions of", "Key Vault Secrets User (or, for plans alone, Key Vault Reader)"];
  const what = request === undefined ? "the secrets" : `"${request.path}"`;
  return new DsoError(
    "secret-denied",
    `the identity of provider "${provider}" may not ${verb} ${what}${words(said)}`,
    {
      hint: `Assign it the role ${role}; where the vault has access policies, the secret permission "${permission}".`,
    },
  );
}

function refusedToken(asked: Asked, said: Said): DsoError {
  return new DsoError(
    "provider-auth",
    `${whereOf(asked)} refuses the token of the login${words(said)}`,
    {
      hint: `Look at this machine's clock, and whether the vault belongs to the tenant of providers.${asked.provider}.auth.`,
    },
  );
}

function throttled(asked: Asked, said: Said): DsoError {
  return new DsoError(
    "provider-throttled",
    `${whereOf(asked)} takes no more requests for now${words(said)}`,
    {
      hint: "Ask less often: agent.watch.polling_interval; the limit is the vault's own.",
    },
  );
}

/** No answer of a server: what was made of one that is not Key Vault's, or a challenge that is somebody else's. */
function noAnswer(asked: Asked, error: unknown): DsoError {
  const text = error instanceof Error ? error.message : "";
  if (text.startsWith("The challenge ") || text.includes("must use HTTPS")) {
    return new DsoError(
      "config-invalid",
      `${whereOf(asked)} asks for a token that is for another service`,
      {
        hint: `Correct providers.${asked.provider}.vault_url: a vault's address is https://NAME.vault.azure.net, or its cloud's.`,
      },
    );
  }
  const name = error instanceof Error ? error.name : typeof error;
  return new DsoError(
    "provider-unreachable",
    `what answers at ${asked.vault.origin} is no Key Vault (${name})`,
    {
      hint: `Correct providers.${asked.provider}.vault_url; a proxy before it may answer in its place.`,
    },
  );
}

function words({ code, inner, requestId }: Said): string {
  const told = [code, inner].filter((one) => one !== "").join(", ");
  const all = [told, requestId === "" ? "" : `request ${requestId}`].filter((one) => one !== "");
  return all.length === 0 ? "" : ` (${all.join("; ")})`;
}

function whereOf({ provider, vault }: Asked): string {
  return `provider "${provider}": ${vault.origin}`;
}
