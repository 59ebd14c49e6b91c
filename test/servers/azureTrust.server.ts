/** Whom a provider of Key Vault trusts, and what passes by itself. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Http } from "../../src/providers/http.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { type AzureScene, startAzure } from "./azureScene.ts";
import { version } from "./told.ts";
import { impatient, refusal, status } from "./azureTrouble.ts";
import type { Trouble } from "./keyVault.ts";

let scene: AzureScene;
let id = "";

beforeAll(async () => {
  scene = await startAzure();
  id = scene.put("x", "value-of-x");
});

afterAll(() => scene[Symbol.asyncDispose]());
afterEach(() => {
  scene.vault.trouble = undefined;
  scene.vault.resource = "https://vault.azure.net";
});

describe("what passes by itself", () => {
  it.each([
    ["a breakdown", status(500), 3],
    ["a short pause that is asked for", status(429, "", { "Retry-After": "0" }), 3],
    ["a long one, which is not waited for", status(429, "", { "Retry-After": "5" }), 1],
  ])("%s: is asked so often", async (_, answer, times) => {
    const provider = impatient(scene);
    await version(provider, { path: "x" });
    let seen = 0;
    const counted: Trouble = (request, response) => {
      seen++;
      answer(request, response);
    };
    scene.vault.trouble = { at: "vault", answer: counted };
    await refusal(version(provider, { path: "x" }));
    expect(seen).toBe(times);
    await provider.close();
  });

  it("a restart: what answers again is asked again", async () => {
    const provider = scene.open();
    expect(await version(provider, { path: "x" })).toBe(id);
    await scene.vault.down();
    const told = await refusal(version(provider, { path: "x" }));
    expect(told).toMatchObject({
      code: "provider-unreachable",
      message: expect.stringContaining("nobody listens there") as unknown,
    });
    await scene.vault.up();
    expect(await version(provider, { path: "x" })).toBe(id);
  });
});

describe("whom it trusts", () => {
  it.each([
    ["nobody that is named", () => undefined],
    ["another authority", () => rootCertificates[0]],
  ])("not what is signed by others: %s", async (_, authority) => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "ca.pem");
    await writeFile(file, authority() ?? "");
    const tls = authority() === undefined ? {} : { ca_cert: file };
    const told = await refusal(version(scene.open({ tls }), { path: "x" }));
    expect(told).toMatchObject({
      code: "provider-unreachable",
      message: expect.stringContaining("signed by nobody that is trusted") as unknown,
      hint: "Name the certificates to trust under tls: ca_cert in dso.yaml.",
    });
  });

  it("a vault may ask for tokens of its own service only", async () => {
    const told = await refusal(version(impatient(scene, { emulator: false }), { path: "x" }));
    expect(told).toMatchObject({
      code: "config-invalid",
      message: expect.stringContaining("asks for a token that is for another service") as unknown,
    });
    const here = new URL(scene.vault.url);
    const change = (http: Http): Http => ({
      request: (asked, signal) => {
        const url = new URL(asked.url.pathname + asked.url.search, here);
        return http.request({ ...asked, url }, signal);
      },
      close: () => http.close(),
    });
    const settings = { emulator: false, vault: "https://t.vault.localhost", change };
    const provider = impatient(scene, settings);
    scene.vault.resource = "https://vault.localhost";
    expect(await version(provider, { path: "x" })).toBe(id);
  });

  it("a page of a list that lies elsewhere is not asked for with the token", async () => {
    const seen: (string | undefined)[] = [];
    await using other = await startAzure();
    other.vault.trouble = {
      at: "vault",
      answer: ({ headers }, response) => {
        seen.push(headers.authorization);
        response.end("{}");
      },
    };
    const provider = scene.open();
    await version(provider, { path: "x" });
    scene.vault.trouble = {
      at: "vault",
      answer: status(200, JSON.stringify({ value: [], nextLink: `${other.vault.url}/secrets` })),
    };
    await refusal(version(provider, { path: "x" }));
    expect(seen).toEqual([]);
  });
});

it("ends at once when it is told to, on whichever page", async () => {
  const provider = scene.open();
  await version(provider, { path: "x" });
  const stop = new AbortController();
  let pages = 0;
  const nextLink = `${scene.vault.url}/secrets?page=2`;
  const empty = status(200, JSON.stringify({ value: [], nextLink }));
  scene.vault.trouble = {
    at: "vault",
    answer: (request, response) => {
      if (++pages === 1) {
        empty(request, response);
        return;
      }
      // This one is never answered.
      stop.abort(new Error("enough"));
    },
  };
  await expect(provider.versions([{ path: "x" }], stop.signal)).rejects.toThrow("enough");
  expect(pages).toBe(2);
});
