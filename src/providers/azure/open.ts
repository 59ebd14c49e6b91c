import type { SecretProvider } from "../../model/ports.ts";
import type { Settings } from "../../model/settings.ts";
import { createHttp, type Http, type TlsOptions } from "../http.ts";
import {
  absent,
  addressAt,
  credentialAt,
  type Opening,
  partAt,
  requiredText,
  textAt,
} from "../opening.ts";
import { tlsAt } from "../tls.ts";
import type { AzureLogin } from "./credential.ts";
import { createAzureProvider } from "./provider.ts";

const TIMEOUT_MS = 15_000;
/** A secret has 25 KB at most, and a page tells of 25 secrets. */
const MAX_BYTES = 4 * 1024 * 1024;
const PUBLIC_AUTHORITY = "https://login.microsoftonline.com";

/** Rejects with `config-invalid` for what dso.yaml names and is not there. */
export function openAzureProvider(opening: Opening): SecretProvider {
  const { name, settings, clock, pace } = opening;
  const tls = tlsAt(opening);
  const authorityHost = textAt(settings, "authority_host");
  const connect = (trusted: TlsOptions): Http =>
    createHttp({ provider: name, tls: trusted, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, pace });
  return createAzureProvider({
    provider: name,
    vault: addressAt(opening, "vault_url"),
    login: loginOf(opening, partAt(settings, "auth")),
    authorityHost,
    authorityOrigin: originOf(authorityHost || opening.environment["AZURE_AUTHORITY_HOST"]),
    emulator: settings["emulator"] === true,
    http: connect(tls),
    // Microsoft's own authority has a public certificate, whoever signs the vault's.
    loginHttp: connect(authorityHost === undefined ? {} : tls),
    clock,
  });
}

function originOf(authorityHost: string | undefined): string {
  return URL.parse(authorityHost ?? "")?.origin ?? PUBLIC_AUTHORITY;
}

function loginOf(opening: Opening, auth: Settings): AzureLogin {
  const method = textAt(auth, "method") ?? "default";
  if (method === "managed_identity") return { method, clientId: textAt(auth, "client_id") };
  if (method !== "client_secret") return { method: "default" };
  return {
    method,
    tenantId: requiredText(auth, "tenant_id"),
    clientId: requiredText(auth, "client_id"),
    secret: () => {
      const found = credentialAt(opening, auth, "client_secret");
      if (found !== undefined) return found;
      throw absent(
        opening,
        "auth: client_secret needs client_secret, client_secret_env or client_secret_file",
      );
    },
  };
}
