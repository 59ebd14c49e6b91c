/** Leases of Vault, by a clock that the test moves and a server that answers as the test says. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DsoError } from "../../src/model/errors.ts";
import type { Leases, Tended } from "../../src/model/leases.ts";
import { requestKey, type SecretProvider, type SecretRequest } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import type { HttpAnswer, HttpRequest } from "../../src/providers/http.ts";
import { createLeaseFiles } from "../../src/providers/leases/files.ts";
import { type Book, EMPTY } from "../../src/providers/leases/terms.ts";
import type { Engine } from "../../src/providers/vault/engines.ts";
import { createLeasedProvider } from "../../src/providers/vault/leased.ts";
import type { Login } from "../../src/providers/vault/login.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { never } from "../reconciler/world.ts";

const MINUTE = 60_000;
export const PASSWORD = "password-of-the-lease";
export const given: Login = {
  ...{ method: "token", token: () => Promise.resolve(new Secret(Buffer.from("given-token"))) },
};
export const byRole: Login = {
  method: "approle",
  mount: "approle",
  body: () => Promise.resolve({}),
};

type Answers = Partial<
  Record<"creds" | "renew" | "revoke" | "lookup" | "token" | "prolong", () => HttpAnswer>
>;

export interface Scene {
  readonly directory: string;
  /** As dso.yaml has it, if it names other than a database, or another server. */
  readonly open: (engine?: Engine, addr?: string) => SecretProvider;
  /** `path by token` of each request since the last time. */
  readonly asked: () => readonly string[];
  /** `token` is what gives a token of our own back. */
  readonly answers: Answers;
  readonly book: () => Promise<Book>;
  /** Minutes since the start. */
  readonly at: (minutes: number) => void;
  /** Somebody sets the clock by so many minutes. */
  readonly setClock: (minutes: number) => void;
}

export const json = (status: number, body: object): HttpAnswer => ({
  ...{ status, headers: {}, body: Buffer.from(JSON.stringify(body)) },
});
export const renewed = (seconds: number): HttpAnswer =>
  json(200, { lease_duration: seconds, renewable: true });
export const away = (): never => {
  throw new DsoError("provider-unreachable", "nobody listens there");
};

export async function withScene(
  login: Login,
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const paths = ["state", "locks", "memory"].map((name) => join(directory.path, name));
  const [stateDir = "", locksDir = "", memory = ""] = paths;
  await mkdir(memory);
  let now = Date.UTC(2026, 0, 1);
  const start = now;
  let wrong = 0;
  let asked: string[] = [];
  let count = 0;
  const answers: Answers = {};
  const request = async ({ url, headers = {} }: HttpRequest): Promise<HttpAnswer> => {
    await Promise.resolve();
    const path = url.pathname.replace("/v1/", "");
    const where = url.host === "v" ? "" : `${url.host}/`;
    asked.push(`${where}${path} by ${headers["X-Vault-Token"] ?? "none"}`);
    if (path.includes("/issue/")) {
      const data = { username: `user${++count}`, expiration: now / 1000 + 3600 };
      return { ...json(200, { data }), headers: { date: new Date(now).toUTCString() } };
    }
    if (path.includes("/creds/")) {
      const data = { username: `user${++count}`, password: PASSWORD };
      const lease = { lease_id: `l${count}`, lease_duration: 3600, renewable: true, data };
      return answers.creds?.() ?? json(200, lease);
    }
    if (path === "sys/leases/renew") return answers.renew?.() ?? renewed(3600);
    if (path === "sys/leases/revoke") return answers.revoke?.() ?? json(204, {});
    if (path.endsWith("/login")) {
      const auth = { client_token: `own-token-${++count}`, lease_duration: 7200, renewable: true };
      return json(200, { auth });
    }
    if (path === "auth/token/revoke-self") return answers.token?.() ?? json(204, {});
    if (path === "auth/token/renew-self")
      return answers.prolong?.() ?? json(200, { auth: { lease_duration: 7200 } });
    return answers.lookup?.() ?? json(200, { data: { ttl: 0 } });
  };
  const store = createLeaseFiles({ stateDir, locksDir, memory: () => Promise.resolve(memory) });
  await work({
    ...{ directory: directory.path, answers },
    book: async () => {
      const text = await readFile(join(stateDir, "leases-db.json"), "utf8").catch(() => undefined);
      return text === undefined ? EMPTY : (JSON.parse(text) as Book);
    },
    open: (engine = { kind: "database" }, addr = "http://v") =>
      createLeasedProvider({
        ...{ provider: "db", addr: new URL(addr), namespace: undefined, mount: "database" },
        ...{ engine, login, store },
        http: { request, close: () => undefined },
        clock: { elapsed: () => now, now: () => now + wrong },
      }),
    asked: () => {
      const since = asked;
      asked = [];
      return since;
    },
    setClock: (minutes) => void (wrong = minutes * MINUTE),
    at: (minutes) => void (now = start + minutes * MINUTE),
  });
}

export const leasesOf = ({ leases }: SecretProvider): Leases => leases!;
export const told = async (provider: SecretProvider, request: SecretRequest): Promise<unknown> =>
  (await provider.versions([request], never)).get(requestKey(request));
export const read = async (provider: SecretProvider, request: SecretRequest): Promise<unknown> => {
  const found = (await provider.read([request], never)).get(requestKey(request));
  return found instanceof DsoError ? found : found?.values.get("username")?.reveal().toString();
};
export const app = { path: "app" };
export const tend = (provider: SecretProvider): Promise<Tended> => leasesOf(provider).tend(never);
/** Gives back all that is listed, the next after the one before. */
export const endAll = async (provider: SecretProvider): Promise<readonly boolean[]> => {
  const ended: boolean[] = [];
  for (const lease of await leasesOf(provider).list()) {
    ended.push(await leasesOf(provider).end(lease, never));
  }
  return ended;
};
/** What the server says of a token that is none any more, and of a path that the policy denies. */
export const noToken = (): HttpAnswer => json(403, { errors: ["permission denied"] });
export const denied = (): HttpAnswer =>
  json(403, { errors: ["1 error occurred:\n\t* permission denied\n\n"] });
