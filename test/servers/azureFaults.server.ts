/** What Key Vault, or what stands before it, can answer besides what it should. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { never } from "../reconciler/world.ts";
import { type AzureScene, startAzure } from "./azureScene.ts";
import { values, version } from "./told.ts";
import { error, type Impatient, impatient, refusal, status } from "./azureTrouble.ts";
import { TENANT, type Trouble } from "./keyVault.ts";

let scene: AzureScene;
let id = "";

beforeAll(async () => {
  scene = await startAzure();
  id = scene.put("x", "value-of-x");
});

afterAll(() => scene[Symbol.asyncDispose]());
afterEach(() => {
  scene.vault.trouble = undefined;
});

const cut: Trouble = (_, response) => {
  response.writeHead(200, { "Content-Length": "500" }).write('{"value":');
  setTimeout(() => response.destroy(), 20);
};
const HTML = "<html>Welcome</html>";
const hang: Trouble = () => undefined;
/** Only who never answers is not waited for. */
const waiting = (answer: Trouble): Impatient => (answer === hang ? { timeoutMs: 2000 } : {});

const FAULTS: readonly (readonly [string, Trouble, string, RegExp])[] = [
  [
    "a page",
    status(200, HTML, { "Content-Type": "text/html" }),
    "provider-unreachable",
    /is no Key Vault/,
  ],
  ["a page that says it is JSON", status(200, HTML), "provider-unreachable", /is no Key Vault/],
  [
    "JSON of something else",
    status(200, '{"status":"ok"}'),
    "provider-unreachable",
    /is no Key Vault/,
  ],
  ["JSON of nothing", status(200, "null"), "provider-unreachable", /is no Key Vault/],
  [
    "a page of a proxy that has lost it",
    status(502, HTML),
    "provider-unreachable",
    /answers with 502 \(request r-1\)/,
  ],
  [
    "its own breakdown",
    status(500, error("InternalError")),
    "provider-unreachable",
    /answers with 500 \(InternalError; request r-1\)/,
  ],
  [
    "not found, of another than the vault",
    status(404, HTML),
    "provider-unreachable",
    /answers with 404/,
  ],
  [
    "a resource that is not found",
    status(404, error("ResourceNotFound")),
    "provider-unreachable",
    /answers with 404 \(ResourceNotFound/,
  ],
  [
    "a request that is none",
    status(400, error("BadParameter")),
    "provider-unreachable",
    /answers with 400 \(BadParameter/,
  ],
  [
    "the firewall",
    status(403, error("Forbidden", "ForbiddenByFirewall")),
    "provider-unreachable",
    /takes no request from this network \(Forbidden, ForbiddenByFirewall/,
  ],
  [
    "too much for now",
    status(429, error("Throttled"), { "Retry-After": "120" }),
    "provider-throttled",
    /takes no more requests for now \(Throttled/,
  ],
  ["too much, without a time", status(429), "provider-throttled", /takes no more requests for now/],
  [
    "a token that is none",
    status(401, error("Unauthorized")),
    "provider-auth",
    /refuses the token of the login \(Unauthorized/,
  ],
  ["nothing, for ever", hang, "provider-unreachable", /no answer within 2 s/],
  ["half of it, and then an end", cut, "provider-unreachable", /the connection was cut/],
  [
    "more than anybody wants",
    status(200, JSON.stringify("x".repeat(20_000))),
    "provider-unreachable",
    /more than 10000 bytes/,
  ],
  [
    "another address",
    status(307, "", { Location: "https://127.0.0.1:1/secrets" }),
    "provider-unreachable",
    /sends us on to another address/,
  ],
];

describe.each(FAULTS)("%s", (_, answer, code, words) => {
  it("from the vault", async () => {
    const provider = impatient(scene, waiting(answer));
    scene.vault.trouble = { at: "vault", answer };
    const asked = [version, values].map((ask) => refusal(ask(provider, { path: "x" })));
    for (const told of await Promise.all(asked)) {
      expect([told.code, told.message]).toEqual([code, expect.stringMatching(words)]);
    }
    expect(await provider.check(never)).toMatchObject({ ok: false, error: { code } });
    scene.vault.trouble = undefined;
    for (const ask of [version, values]) {
      expect(await ask(provider, { path: "x" })).not.toBeInstanceOf(Error);
    }
    await provider.close();
  });
});

const challenge = `Bearer authorization="https://login.windows.net/${TENANT}", resource="https://vault.azure.net"`;
const welcome = status(401, error("Unauthorized"), { "WWW-Authenticate": challenge });
/** To whoever has logged in. */
const then =
  (answer: Trouble): Trouble =>
  (request, response) =>
    (request.headers.authorization === undefined ? welcome : answer)(request, response);

it("a page in the place of a value, after all went well until then", async () => {
  scene.vault.trouble = { at: "vault", answer: then(status(200, HTML)) };
  const told = await refusal(values(impatient(scene), { path: "x" }));
  expect(told).toMatchObject({ code: "provider-unreachable" });
});

it("another version than the one that was asked for", async () => {
  const [asked, other] = ["a".repeat(32), "b".repeat(32)];
  const secret = { value: "v", id: `${scene.vault.url}/secrets/x/${other}`, attributes: {} };
  scene.vault.trouble = { at: "vault", answer: then(status(200, JSON.stringify(secret))) };
  expect(await values(impatient(scene), { path: "x", pinned: other })).toEqual({ value: "v" });
  expect(await values(impatient(scene), { path: "x", pinned: asked })).toMatchObject({
    code: "secret-version-gone",
  });
});

it.each([
  [
    "a page",
    status(200, HTML),
    "provider-unreachable",
    /what answers at .* \(status 200\) gives no token/,
  ],
  ["its own breakdown", status(503, "{}"), "provider-unreachable", /\(status 503\) gives no token/],
  [
    "too much for now",
    status(429, "{}", { "Retry-After": "120" }),
    "provider-throttled",
    /takes no more logins for now/,
  ],
  ["nothing, for ever", hang, "provider-unreachable", /no answer within 2 s/],
  ["half of it, and then an end", cut, "provider-unreachable", /the connection was cut/],
  [
    "another address",
    status(307, "", { Location: "https://127.0.0.1:1/" }),
    "provider-unreachable",
    /sends us on/,
  ],
] satisfies (readonly [string, Trouble, string, RegExp])[])(
  "from the login: %s",
  async (_, answer, code, words) => {
    const provider = impatient(scene, waiting(answer));
    scene.vault.trouble = { at: "login", answer };
    const told = await refusal(version(provider, { path: "x" }));
    expect([told.code, told.message]).toEqual([code, expect.stringMatching(words)]);
    scene.vault.trouble = undefined;
    expect(await version(provider, { path: "x" })).toBe(id);
    await provider.close();
  },
);
