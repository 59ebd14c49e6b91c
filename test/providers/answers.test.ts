import { expect, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretData, SecretProvider } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import { answerEach } from "../../src/providers/answers.ts";
import { byValue } from "../../src/providers/byValue.ts";
import { createEnvProvider } from "../../src/providers/env.ts";
import { never } from "../reconciler/world.ts";

test("a store that fails as such ends the batch, and what was read of it is dropped", async () => {
  const read: Secret[] = [];
  const ask = async (path: string): Promise<SecretData> => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (path === "10") throw new DsoError("provider-unreachable", "away");
    const value = new Secret(Buffer.from("x"));
    read.push(value);
    return { version: "1", values: new Map([["value", value]]) };
  };
  const requests = Array.from({ length: 40 }, (_, index) => ({ path: String(index) }));
  const all = answerEach(requests, ({ path }) => ask(path), never);
  await expect(all).rejects.toMatchObject({ code: "provider-unreachable" });
  const asked = read.length;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(read).toHaveLength(asked);
  expect(asked).toBeLessThan(25);
  for (const value of read) expect(() => value.reveal()).toThrow("dropped");
});

test("a fingerprint says nothing to whoever has not its key", async () => {
  const environment = { P_A: "guessable", P_B: "guessable" };
  const store = createEnvProvider({ name: "ci", prefix: "P_", environment });
  const told = async (byte: number, path: string): Promise<unknown> => {
    const provider: SecretProvider = byValue(store, () => Promise.resolve(Buffer.alloc(32, byte)));
    return (await provider.versions([{ path }], never)).get(path);
  };
  const one = await told(1, "A");
  expect(one).toMatch(/^[0-9a-f]{32}$/);
  expect(await told(1, "A")).toBe(one);
  expect(await told(2, "A")).not.toBe(one);
  expect(await told(1, "B")).not.toBe(one);
});
