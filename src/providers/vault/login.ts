/** The ways to get a token of Vault: one call each. */
import { DsoError } from "../../model/errors.ts";
import { Secret } from "../../model/secret.ts";
import { field, numberField, textField, urlPath, type VaultAnswer, type VaultApi } from "./api.ts";

export interface Token {
  readonly value: Secret;
  /** From now on, ms; undefined: it does not expire, or that is not known. */
  readonly ttlMs: number | undefined;
  readonly renewable: boolean;
  /** We have logged in for it, and give it back at the end. */
  readonly own: boolean;
}

/** Each text is asked for when it is needed: a token file may be written anew meanwhile. */
export type Login =
  | { readonly method: "token"; readonly token: () => Promise<Secret> }
  | {
      readonly method: "approle" | "userpass" | "kubernetes" | "jwt";
      /** Below `auth/`. */
      readonly mount: string;
      /** Of userpass: below `login/`. */
      readonly user?: string;
      /** Members of the request; what is a `Secret` is overwritten after it. */
      readonly body: () => Promise<Readonly<Record<string, string | Secret>>>;
    };

/** Rejects with `provider-auth` that says what to correct. */
export async function logIn(
  api: VaultApi,
  provider: string,
  login: Login,
  signal: AbortSignal,
): Promise<Token> {
  if (login.method === "token") {
    const value = await login.token();
    if (!/^[\x21-\x7e]+$/.test(value.reveal().toString("latin1"))) throw noToken(provider);
    return { value, ttlMs: undefined, renewable: false, own: false };
  }
  const body = await login.body();
  const path = `auth/${urlPath(login.mount)}/login${login.user === undefined ? "" : `/${encodeURIComponent(login.user)}`}`;
  try {
    const answer = await api({ method: "POST", path, body: revealed(body) }, signal);
    const token = answer.status === 200 ? tokenIn(answer) : undefined;
    if (token === undefined) throw refused(provider, login.method, path, answer);
    return token;
  } finally {
    for (const part of Object.values(body)) if (part instanceof Secret) part.drop();
  }
}

/** The same token with more time; undefined where it cannot be had. */
export async function renew(
  api: VaultApi,
  token: Token,
  signal: AbortSignal,
): Promise<Token | undefined> {
  const call = {
    method: "POST",
    path: "auth/token/renew-self",
    body: {},
    token: token.value,
  } as const;
  const { status, body } = await api(call, signal);
  const seconds = numberField(field(body, "auth"), "lease_duration");
  return status === 200 && seconds !== undefined ? { ...token, ttlMs: seconds * 1000 } : undefined;
}

function revealed(
  body: Readonly<Record<string, string | Secret>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(body).map(([name, part]) => [
      name,
      part instanceof Secret ? part.reveal().toString() : part,
    ]),
  );
}

function tokenIn({ body }: VaultAnswer): Token | undefined {
  const auth = field(body, "auth");
  const value = textField(auth, "client_token");
  if (value === undefined) return undefined;
  const seconds = numberField(auth, "lease_duration") ?? 0;
  return {
    value: new Secret(Buffer.from(value)),
    ttlMs: seconds > 0 ? seconds * 1000 : undefined,
    renewable: field(auth, "renewable") === true,
    own: true,
  };
}

function noToken(provider: string): DsoError {
  return new DsoError(
    "config-invalid",
    `provider "${provider}": its token has spaces or letters that no token has`,
    {
      hint: `Correct what providers.${provider}.auth names.`,
    },
  );
}

function refused(
  provider: string,
  method: string,
  path: string,
  { errors, status }: VaultAnswer,
): DsoError {
  const said = errors.length > 0 ? errors.join("; ") : `status ${status}`;
  const message = `provider "${provider}": the login by ${method} at ${path} was refused: ${said}`;
  return new DsoError("provider-auth", message, {
    hint: /no handler for route|unsupported path/.test(said)
      ? `Enable the method there (vault auth enable -path=${path.split("/")[1] ?? method} ${method}), or correct auth: mount.`
      : `Correct providers.${provider}.auth in dso.yaml, or what it names.`,
  });
}
