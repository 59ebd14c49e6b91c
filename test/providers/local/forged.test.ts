import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { encodeVault, type Secrets } from "../../../src/providers/local/format.ts";
import { createLocalProvider } from "../../../src/providers/local/provider.ts";
import { loadFile } from "../../../src/providers/local/store.ts";
import type { VaultOptions } from "../../../src/providers/local/unlocked.ts";
import { temporaryDirectory } from "../../fixtures/temporary.ts";
import { makeSample, never, sealKeyOf, textOf } from "./vaults.ts";

describe("a value in the wrong place, under a good seal", () => {
  async function forge(options: VaultOptions, change: (secrets: Secrets) => Secrets) {
    const content = await loadFile(options.vaultFile);
    const { header, generation, secrets } = content;
    const forged = { header, generation: generation + 1, secrets: change(secrets) };
    const { bytes } = encodeVault(forged, await sealKeyOf(options));
    await writeFile(options.vaultFile, bytes);
  }

  test("does not open, and versions are told without opening it", async () => {
    await using dir = await temporaryDirectory();
    const { vault, options } = await makeSample(dir.path);
    await forge(options, (secrets) => {
      const [a1, a2] = secrets.get("a") ?? [];
      const [b1] = secrets.get("b") ?? [];
      const moved = b1!.values.map((value) => ({ ...value, key: "k" }));
      return new Map([...secrets, ["a", [a1!, { ...a2!, values: moved }]]]);
    });
    const provider = createLocalProvider(vault);
    const requests = [{ path: "a" }, { path: "b" }];
    expect(await provider.versions(requests, never)).toEqual(
      new Map([
        ["a", "2"],
        ["b", "1"],
      ]),
    );
    const read = await provider.read(requests, never);
    expect(read.get("a")).toMatchObject({
      code: "vault-corrupt",
      message: expect.stringContaining('secret "a", version 2, key "k"') as string,
    });
    expect(read.get("b")).toMatchObject({ version: "1" });
  });

  test("nor does one that was moved to another version or dated otherwise", async () => {
    await using dir = await temporaryDirectory();
    const { vault, options } = await makeSample(dir.path);
    await forge(options, (secrets) => {
      const [a1, a2] = secrets.get("a") ?? [];
      const [b1] = secrets.get("b") ?? [];
      const older = { ...a2!, values: a1!.values };
      const dated = { ...b1!, created: "2031-01-01T00:00:00.000Z" };
      return new Map([
        ["a", [a1!, older]],
        ["b", [dated]],
      ]);
    });
    await expect(textOf(vault, "a")).rejects.toMatchObject({ code: "vault-corrupt" });
    await expect(textOf(vault, "b")).rejects.toMatchObject({ code: "vault-corrupt" });
  });
});
