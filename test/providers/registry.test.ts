import { expect, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { createProviders } from "../../src/providers/registry.ts";

function provider(name: string, closed: string[]): SecretProvider {
  return {
    name,
    versions: async () => new Map(),
    read: async () => new Map(),
    check: async () => ({ ok: true }),
    close: async () => {
      closed.push(name);
    },
  };
}

test("opens a provider once, when it is first asked for, and closes only what was opened", async () => {
  const opened: string[] = [];
  const closed: string[] = [];
  const define = (name: string) => async () => {
    opened.push(name);
    return provider(name, closed);
  };
  const definitions = new Map(["vault", "local"].map((name) => [name, define(name)]));
  const providers = createProviders(definitions, "local");
  expect([providers.names, providers.defaultName]).toEqual([["local", "vault"], "local"]);
  expect(opened).toEqual([]);
  const [first, second] = await Promise.all([providers.get("vault"), providers.get("vault")]);
  expect(first).toBe(second);
  expect(opened).toEqual(["vault"]);
  await providers.close();
  expect(closed).toEqual(["vault"]);
});

test("names what is configured when the name is unknown", async () => {
  const definitions = new Map([["vault", async () => provider("vault", [])]]);
  const providers = createProviders(definitions, "vault");
  await expect(providers.get("vualt")).rejects.toMatchObject({
    code: "provider-unknown",
    message: 'no provider is named "vualt" (configured: vault)',
    hint: 'Did you mean "vault"?',
  });
  await expect(providers.get("zzz")).rejects.toMatchObject({
    hint: expect.stringContaining("dso.yaml") as string,
  });
});

test("a provider that could not be opened is tried again", async () => {
  let attempts = 0;
  const open = async () => {
    attempts++;
    if (attempts === 1) throw new DsoError("provider-unreachable", "down");
    return provider("vault", []);
  };
  const providers = createProviders(new Map([["vault", open]]), "vault");
  await expect(providers.get("vault")).rejects.toThrow("down");
  expect((await providers.get("vault")).name).toBe("vault");
  await providers.close();
});

test("one that fails to close does not keep the others open", async () => {
  const closed: string[] = [];
  const broken = { ...provider("a", closed), close: () => Promise.reject(new Error("stuck")) };
  const definitions = new Map([
    ["a", async () => broken],
    ["b", async () => provider("b", closed)],
  ]);
  const providers = createProviders(definitions, "a");
  await providers.get("a");
  await providers.get("b");
  await expect(providers.close()).rejects.toThrow("stuck");
  expect(closed).toEqual(["b"]);
});
