import type { SecretProvider } from "../../model/ports.ts";
import type { Secret } from "../../model/secret.ts";
import type { Settings } from "../../model/settings.ts";
import { createHttp } from "../http.ts";
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
import type { Login } from "./login.ts";
import { createVaultProvider, type VaultProviderOptions } from "./provider.ts";

const TIMEOUT_MS = 15_000;
/** What the server takes itself, and a list of some ten thousand secrets. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Where Kubernetes puts a pod's own token. */
const POD_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** Rejects with `config-invalid` for what dso.yaml names and is not there. */
export function openVaultProvider(opening: Opening): SecretProvider {
  return createVaultProvider(serverOf(opening, "secret/data"));
}

/** The server, and one mount of it: what dso.yaml names, else `mount`. Rejects as `openVaultProvider`. */
export function serverOf(opening: Opening, mount: string): VaultProviderOptions {
  const { name, settings, clock, pace } = opening;
  const tls = tlsAt(opening);
  return {
    provider: name,
    addr: addressAt(opening, "addr"),
    namespace: textAt(settings, "namespace"),
    mount: textAt(settings, "mount_path") ?? mount,
    login: loginOf(opening, partAt(settings, "auth")),
    http: createHttp({ provider: name, tls, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, pace }),
    clock,
  };
}

function loginOf(opening: Opening, auth: Settings): Login {
  const method = textAt(auth, "method") ?? "token";
  const required = (key: string): Secret => {
    const found = credentialAt(opening, auth, key);
    if (found !== undefined) return found;
    throw absent(opening, `auth: ${method} needs ${key}, ${key}_env or ${key}_file`);
  };
  switch (method) {
    case "approle":
      return loginBy(method, auth, () => ({
        role_id: required("role_id"),
        ...optional("secret_id", credentialAt(opening, auth, "secret_id")),
      }));
    case "userpass":
      return {
        ...loginBy(method, auth, () => ({ password: required("password") })),
        user: requiredText(auth, "username"),
      };
    case "jwt":
      return loginBy(method, auth, () => ({
        role: requiredText(auth, "role"),
        jwt: required("jwt"),
      }));
    case "kubernetes": {
      const from = textAt(auth, "jwt_file") ?? POD_TOKEN;
      const jwt = (): Secret | undefined => credentialAt(opening, { jwt_file: from }, "jwt");
      return loginBy(method, auth, () => ({
        role: requiredText(auth, "role"),
        ...optional("jwt", jwt()),
      }));
    }
    default:
      return { method: "token", token: () => tokenOf(opening, auth) };
  }
}

type Body = Readonly<Record<string, string | Secret>>;
type ByRequest = Exclude<Login, { readonly method: "token" }>;

function loginBy(method: ByRequest["method"], auth: Settings, body: () => Body): ByRequest {
  return {
    method,
    mount: textAt(auth, "mount") ?? method,
    body: async () => Promise.resolve(body()),
  };
}

function optional(key: string, value: Secret | undefined): Body {
  return value === undefined ? {} : { [key]: value };
}

/** Named by nobody it is `$VAULT_TOKEN`, as for Vault's own program. */
function tokenOf(opening: Opening, auth: Settings): Promise<Secret> {
  const isNamed = ["token", "token_env", "token_file"].some((key) => auth[key] !== undefined);
  const wanted = isNamed ? auth : { token_env: "VAULT_TOKEN" };
  const token = credentialAt(opening, wanted, "token");
  return token === undefined
    ? Promise.reject(absent(opening, "auth has no token, token_env or token_file"))
    : Promise.resolve(token);
}
