/** Entra ID and the managed identity of a machine, as far as a login asks them. */
import type { IncomingMessage } from "node:http";

/** What a token stands for. */
export interface Identity {
  /** Of access policies. */
  readonly permissions: readonly string[];
  /** Undefined: all secrets, and their list; else these only. */
  readonly secrets?: readonly string[];
}

export interface App extends Identity {
  readonly clientId: string;
  secret: string;
}

export interface Entra {
  readonly tenant: string;
  readonly apps: App[];
  /** By the client id; "" is the system's own. */
  readonly machine: Map<string, Identity>;
  readonly identityOf: (token: string) => Identity | undefined;
  /** Whatever was given out is none any more. */
  readonly revoke: () => void;
  /** Undefined: it is no request for it. */
  readonly answer: (
    request: IncomingMessage,
    url: URL,
    body: string,
  ) => { readonly status: number; readonly body: object } | undefined;
}

/** What the header of the machine's endpoint has to be. */
export const IDENTITY_HEADER = "header-of-the-machine";

export function createEntra(tenant: string): Entra {
  const tokens = new Map<string, Identity>();
  const apps: App[] = [];
  const machine = new Map<string, Identity>();
  const give = (identity: Identity): string => {
    const token = `token-of-the-test-${tokens.size}`;
    tokens.set(token, identity);
    return token;
  };
  const login = (body: URLSearchParams): { status: number; body: object } => {
    const app = apps.find(({ clientId }) => clientId === body.get("client_id"));
    if (app === undefined) return refusal(400, "unauthorized_client", "AADSTS700016: not found");
    if (app.secret !== body.get("client_secret")) {
      return refusal(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.");
    }
    const access_token = give(app);
    return { status: 200, body: { token_type: "Bearer", expires_in: 3599, access_token } };
  };
  return {
    ...{ tenant, apps, machine },
    identityOf: (token) => tokens.get(token),
    revoke: () => tokens.clear(),
    answer(request, url, body) {
      const [first = "", ...rest] = url.pathname.split("/").filter(Boolean);
      if (first === "msi") {
        if (request.headers["x-identity-header"] !== IDENTITY_HEADER)
          return refusal(401, "unauthorized", "no");
        const identity = machine.get(url.searchParams.get("client_id") ?? "");
        if (identity === undefined) return refusal(400, "invalid_request", "Identity not found");
        const expires_on = String(Math.floor(Date.now() / 1000) + 3600);
        return {
          status: 200,
          body: {
            access_token: give(identity),
            expires_on,
            token_type: "Bearer",
            resource: url.searchParams.get("resource"),
          },
        };
      }
      const path = rest.join("/");
      if (!path.endsWith("openid-configuration") && path !== "oauth2/v2.0/token") return undefined;
      if (first !== tenant) return refusal(400, "invalid_tenant", "AADSTS90002: Tenant not found.");
      return path === "oauth2/v2.0/token"
        ? login(new URLSearchParams(body))
        : { status: 200, body: configuration(url, tenant) };
    },
  };
}

function refusal(
  status: number,
  error: string,
  description: string,
): { status: number; body: object } {
  return { status, body: { error, error_description: `${description} Trace ID: 1` } };
}

function configuration({ origin }: URL, tenant: string): object {
  return {
    issuer: `${origin}/${tenant}/v2.0`,
    authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/authorize`,
    token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token`,
    jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys`,
  };
}
