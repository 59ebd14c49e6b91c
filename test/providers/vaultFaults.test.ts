/** What a store, or what stands before it, can answer besides what it should. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { describe, expect, it, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import {
  createHttp,
  type Http,
  type HttpAnswer,
  type HttpRequest,
} from "../../src/providers/http.ts";
import { createVaultProvider } from "../../src/providers/vault/provider.ts";
import { never } from "../reconciler/world.ts";

const TOKEN = "token-of-the-test";
const MOUNT = { data: { path: "secret/", type: "kv", options: { version: "2" } } };
const METADATA = { data: { current_version: 3, versions: { 3: { deletion_time: "" } } } };

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function withServer(answer: Answer, work: (addr: string) => Promise<void>): Promise<void> {
  const server: Server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }
}

function providerAt(addr: string, http: Http): SecretProvider {
  return createVaultProvider({
    ...{ provider: "vault", addr: new URL(addr), namespace: undefined, mount: "secret", http },
    login: { method: "token", token: () => Promise.resolve(new Secret(Buffer.from(TOKEN))) },
    clock: { elapsed: () => 0 },
  });
}

/** For a server that answers, however busy the machine is. */
const PATIENT_MS = 60_000;
const LATE = /no answer within 0.3 s/;

async function refusal(addr: string, timeoutMs = PATIENT_MS): Promise<DsoError> {
  const http = createHttp({ provider: "vault", timeoutMs, maxBytes: 1000 });
  const asked = providerAt(addr, http).versions([{ path: "x" }], never);
  const error: unknown = await asked.catch((thrown: unknown) => thrown);
  if (!(error instanceof DsoError)) throw new Error(`not refused: ${String(error)}`);
  expect(inspect(error, { depth: 10 }) + JSON.stringify(error)).not.toContain(TOKEN);
  return error;
}

const FAULTS: readonly (readonly [string, Answer, string, RegExp])[] = [
  [
    "a page",
    (_, response) => response.end("<html>Welcome</html>"),
    "provider-unreachable",
    /is no Vault: that was no JSON/,
  ],
  [
    "a page of a proxy that has lost it",
    (_, response) => response.writeHead(502).end("<html>Bad Gateway</html>"),
    "provider-unreachable",
    /answers with 502/,
  ],
  ["nothing, for ever", () => undefined, "provider-unreachable", LATE],
  [
    "half of it, and then nothing",
    (_, response) => response.write('{"data"'),
    "provider-unreachable",
    LATE,
  ],
  [
    "half of it, and then an end",
    (_, response) => {
      response.writeHead(200, { "Content-Length": "500" }).write('{"data"');
      setTimeout(() => response.destroy(), 20);
    },
    "provider-unreachable",
    /the connection was cut/,
  ],
  [
    "more than anybody wants",
    (_, response) => response.end(JSON.stringify("x".repeat(2000))),
    "provider-unreachable",
    /more than 1000 bytes/,
  ],
  [
    "come back later",
    (_, response) => response.writeHead(429).end('{"errors":["slow\\n  down"]}'),
    "provider-throttled",
    /takes no more requests for now: slow down/,
  ],
];

test.each(FAULTS)("%s", (_, answer, code, words) =>
  withServer(answer, async (addr) => {
    expect(await refusal(addr, words === LATE ? 300 : PATIENT_MS)).toMatchObject({
      code,
      message: expect.stringMatching(words) as unknown,
    });
  }),
);

it("sends its token to no other host", () =>
  withServer(
    (_, response) => response.writeHead(200).end("{}"),
    async (other) => {
      let seen = 0;
      await withServer(
        (_, response) => {
          seen++;
          response.writeHead(307, { Location: `${other}/v1/secret` }).end();
        },
        async (addr) => {
          const { code, message } = await refusal(addr);
          expect([code, message]).toEqual([
            "provider-unreachable",
            `provider "vault": ${addr} sends us on to ${other}`,
          ]);
          expect(seen).toBe(1);
        },
      );
    },
  ));

describe("a secret that is not found", () => {
  const json = (status: number, body: object): HttpAnswer => ({
    ...{ status, headers: {}, body: Buffer.from(JSON.stringify(body)) },
  });
  /** Its metadata is answered as said, one after the other. */
  const store = (
    ...statuses: number[]
  ): { readonly provider: SecretProvider; readonly left: () => number } => {
    const request = ({ url }: HttpRequest): Promise<HttpAnswer> => {
      if (url.pathname.includes("lookup-self")) return Promise.resolve(json(403, {}));
      if (url.pathname.includes("/mounts/")) return Promise.resolve(json(200, MOUNT));
      const status = statuses.shift() ?? 500;
      return Promise.resolve(status === 200 ? json(200, METADATA) : json(status, { errors: [] }));
    };
    return {
      provider: providerAt("http://v", { request, close: () => undefined }),
      left: () => statuses.length,
    };
  };
  const ask = async ({ provider }: ReturnType<typeof store>): Promise<unknown> =>
    (await provider.versions([{ path: "x" }], never)).get("x");

  it("is missing at once, where it was never there", async () => {
    const one = store(404, 200);
    expect(await ask(one)).toMatchObject({ code: "secret-missing" });
    expect(one.left()).toBe(1);
  });

  it("is asked for again, where it was there: a replica may lag", async () => {
    const one = store(200, 404, 200);
    expect(await ask(one)).toBe("3");
    expect(await ask(one)).toBe("3");
    expect(one.left()).toBe(0);
  });

  it("is asked for again, too, where that very version was told just before", async () => {
    const one = store(200, 404, 200);
    expect(await ask(one)).toBe("3");
    const pinned = { path: "x", pinned: "3" };
    expect((await one.provider.versions([pinned], never)).get("x@3")).toBe("3");
    expect(one.left()).toBe(0);
  });

  it("is missing where that is said twice", async () => {
    const one = store(200, 404, 404);
    expect(await ask(one)).toBe("3");
    expect(await ask(one)).toMatchObject({ code: "secret-missing" });
  });
});
