/** How long a token lives, by a clock that the test moves. */
import { describe, expect, it } from "vitest";
import { Secret } from "../../src/model/secret.ts";
import type { HttpAnswer, HttpRequest } from "../../src/providers/http.ts";
import type { Login } from "../../src/providers/vault/login.ts";
import { createVaultProvider } from "../../src/providers/vault/provider.ts";
import { never } from "../reconciler/world.ts";

const MOUNT = { data: { path: "secret/", type: "kv", options: { version: "2" } } };
const METADATA = { data: { current_version: 1, versions: { 1: {} } } };
const HOUR = 3_600_000;

interface Scene {
  /** Asks for a version of a secret, so many hours after the start; answers which requests that took. */
  readonly at: (hours: number) => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
  readonly asked: string[];
}

type Answers = (path: string, token: string) => HttpAnswer | undefined;

const json = (status: number, body: object): HttpAnswer => ({
  ...{ status, headers: {}, body: Buffer.from(JSON.stringify(body)) },
});

function sceneWith(login: Login, answers: Answers): Scene {
  const asked: string[] = [];
  let now = 0;
  const request = ({ url, headers = {} }: HttpRequest): Promise<HttpAnswer> => {
    const path = url.pathname.replace("/v1/", "");
    const token = headers["X-Vault-Token"] ?? "none";
    asked.push(`${path.replace(/^secret\/.*/, "secret")} by ${token}`);
    const own = answers(path, token);
    if (own !== undefined) return Promise.resolve(own);
    return Promise.resolve(path.startsWith("sys/") ? json(200, MOUNT) : json(200, METADATA));
  };
  const provider = createVaultProvider({
    ...{ provider: "vault", addr: new URL("http://v"), namespace: undefined, mount: "secret" },
    ...{ login, http: { request, close: () => undefined }, clock: { elapsed: () => now } },
  });
  return {
    asked,
    at: async (hours) => {
      now = hours * HOUR;
      const before = asked.length;
      await provider.versions([{ path: "x" }], never);
      return asked.slice(before);
    },
    close: () => provider.close(),
  };
}

const given = (text = "given"): Login => ({
  ...{ method: "token", token: () => Promise.resolve(new Secret(Buffer.from(text))) },
});
const byRole: Login = { method: "approle", mount: "approle", body: () => Promise.resolve({}) };
const lease = (seconds: number, token = "own"): HttpAnswer =>
  json(200, { auth: { client_token: token, lease_duration: seconds, renewable: true } });

describe("a token that was given to us", () => {
  it("is renewed after two thirds of its time, and lives on", async () => {
    const { at } = sceneWith(given(), (path) => {
      if (path.endsWith("lookup-self")) return json(200, { data: { ttl: 7200, renewable: true } });
      return path.endsWith("renew-self") ? lease(7200) : undefined;
    });
    await at(0);
    expect(await at(1)).toEqual(["secret by given"]);
    expect(await at(1.5)).toEqual(["auth/token/renew-self by given", "secret by given"]);
    expect(await at(2.5)).toEqual(["secret by given"]);
  });

  it("is used to its end where it cannot be renewed, and not asked about at every request", async () => {
    const { at } = sceneWith(given(), (path) => {
      if (path.endsWith("lookup-self")) return json(200, { data: { ttl: 7200, renewable: true } });
      return path.endsWith("renew-self") ? json(403, { errors: ["permission denied"] }) : undefined;
    });
    await at(0);
    expect(await at(1.5)).toContain("auth/token/renew-self by given");
    expect(await at(1.51)).toEqual(["secret by given"]);
    expect(await at(1.52)).toEqual(["secret by given"]);
    expect(await at(1.8)).toContain("auth/token/renew-self by given");
  });

  it("stays good where its renewal meets trouble", async () => {
    const { at } = sceneWith(given(), (path) => {
      if (path.endsWith("lookup-self")) return json(200, { data: { ttl: 7200, renewable: true } });
      return path.endsWith("renew-self") ? json(500, { errors: ["down"] }) : undefined;
    });
    await at(0);
    expect((await at(1.5)).at(-1)).toBe("secret by given");
  });
});

describe("a token that was logged in for", () => {
  it("is replaced where it cannot live longer, and the old one given back", async () => {
    let count = 0;
    const { at, close, asked } = sceneWith(byRole, (path) => {
      if (path.endsWith("approle/login")) return lease(3600, `own${++count}`);
      // Its longest time is over: it is given no more than what is left.
      return path.endsWith("renew-self") ? lease(60) : undefined;
    });
    await at(0);
    expect(await at(0.8)).toEqual([
      ...["auth/token/renew-self by own1", "auth/approle/login by none"],
      ...["auth/token/revoke-self by own1", "secret by own2"],
    ]);
    await close();
    expect(asked.at(-1)).toBe("auth/token/revoke-self by own2");
  });

  it("is got once by all who wait for it", async () => {
    const { at, asked } = sceneWith(byRole, (path) =>
      path.endsWith("approle/login") ? lease(3600) : undefined,
    );
    await Promise.all([at(0), at(0), at(0)]);
    expect(asked.filter((one) => one.startsWith("auth/approle/login"))).toHaveLength(1);
  });
});

it("what was sent is not in what is said, whoever says it back", async () => {
  const secret = "s.very-secret-token";
  const { at } = sceneWith(given(secret), (path) =>
    path.startsWith("secret/") ? json(500, { errors: [`refused token ${secret}`] }) : undefined,
  );
  await expect(at(0)).rejects.toMatchObject({
    message: 'provider "vault": http://v answers with 500: refused token [secret]',
  });
});
