/** What a real Vault is taken for when its answers are spoiled on the way, and when a secret is very large. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { DsoError } from "../../src/model/errors.ts";
import { parseReference } from "../../src/model/parseReference.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { readValues } from "../../src/providers/values.ts";
import { registryOf } from "../fakes/provider.ts";
import { never } from "../reconciler/world.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "./faultProxy.ts";
import { startVault, type VaultScene } from "./vaultScene.ts";
import { values, version } from "./told.ts";

const A = { path: "a" };
const PAGE: Fault = { headers: { "content-type": "text/html" }, body: "<html>Welcome</html>" };

let scene: VaultScene;
let proxy: FaultProxy;
let provider: SecretProvider;

beforeAll(async () => {
  scene = await startVault();
  proxy = await startFaultProxy({ upstream: scene.bao.addr, ca: await readFile(scene.bao.caFile) });
  await scene.put("a", { value: "one" });
  provider = await scene.withToken("reader", { addr: proxy.url });
  expect(await version(provider, A)).toBe("1");
});

afterAll(async () => {
  await provider.close();
  await proxy[Symbol.asyncDispose]();
  await scene[Symbol.asyncDispose]();
});

it.each<readonly [string, Fault, DsoError["code"], RegExp]>([
  [
    "an error of the server",
    { status: 500, body: '{"errors":["x"]}' },
    "provider-unreachable",
    /500: x/,
  ],
  ["a page of a proxy", { ...PAGE, status: 502 }, "provider-unreachable", /502/],
  ["a page with 200", { ...PAGE, status: 200 }, "provider-unreachable", /is no Vault/],
  ["too many requests", { status: 429, body: "{}" }, "provider-throttled", /no more requests/],
  ["a cut connection", { end: "reset" }, "provider-unreachable", /was cut|aborted|ECONNRESET/],
  ["a cut in mid-answer", { end: "reset", after: 20 }, "provider-unreachable", /./],
  [
    "half an answer",
    { status: 200, body: '{"data":{"keys' },
    "provider-unreachable",
    /is no Vault/,
  ],
])("%s is no missing secret, and afterwards all is well", async (_, fault, code, message) => {
  proxy.spoil(fault);
  // One after the other: what fails while nobody waits for it would be nobody's.
  for (const ask of ["versions", "read"] as const) {
    await expect(provider[ask]([A], never)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  }
  proxy.spoil();
  expect(await values(provider, A)).toEqual({ value: "one" });
});

it("waits for an answer that is slow, and no longer for one that nobody wants any more", async () => {
  proxy.spoil({ delayMs: 300 });
  expect(await values(provider, A)).toEqual({ value: "one" });
  proxy.spoil({ end: "hang" });
  const before = proxy.seen.length;
  const stop = new AbortController();
  const asked = provider.versions([A], stop.signal);
  while (proxy.seen.length === before) await sleep(5);
  stop.abort(new Error("enough"));
  await expect(asked).rejects.toThrow("enough");
  proxy.spoil();
});

it("brings ten megabytes, and refuses what is larger than dso.yaml allows", async () => {
  const MiB = 2 ** 20;
  await scene.put("large", { value: "x".repeat(10 * MiB) });
  await scene.put("larger", { value: "x".repeat(10 * MiB + 1) });
  const known = { providers: new Set(["vault"]), defaultProvider: "vault" };
  const read = async (text: string): Promise<number | undefined> => {
    const limits = { maxSecretBytes: 10 * MiB };
    const references = [parseReference(text, known)];
    const found = await readValues(registryOf(provider), references, new Map(), limits, never);
    const [value] = found.values();
    return value?.byteLength;
  };
  expect(await read("dso://large")).toBe(10 * MiB);
  await expect(read("dso://larger")).rejects.toMatchObject({ code: "secret-too-large" });
});
