import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DsoError } from "../../../src/model/errors.ts";
import { decodeVault, verifySeal } from "../../../src/providers/local/format.ts";
import {
  acceptVault,
  initVault,
  restorePreviousVault,
} from "../../../src/providers/local/setup.ts";
import { openLocalVault } from "../../../src/providers/local/vault.ts";
import { temporaryDirectory } from "../../fixtures/temporary.ts";
import {
  failure,
  makeSample,
  never,
  refusal,
  type Sample,
  sealKeyOf,
  secret,
  textOf,
} from "./vaults.ts";

const PARTS = [
  /the header/,
  /secret "a", version 1/,
  /secret "a", version 2/,
  /secret "b", version 1/,
  /the manifest/,
  /the seal/,
];

function linesOf(bytes: Buffer): string[] {
  return bytes.toString("latin1").split("\n").slice(0, -1);
}

describe("a damaged file", () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let sample: Sample;
  beforeAll(async () => {
    directory = await temporaryDirectory();
    sample = await makeSample(directory.path);
  });
  afterAll(async () => {
    await directory[Symbol.asyncDispose]();
  });

  async function complaintAbout(bytes: Buffer | string): Promise<DsoError> {
    await writeFile(sample.options.vaultFile, bytes);
    return failure(() => sample.vault.view());
  }

  test("is found and named whichever byte changes, and however", async () => {
    const { good, options } = sample;
    const sealKey = await sealKeyOf(options);
    const check = (bytes: Buffer): void => {
      verifySeal("vault.enc", decodeVault("vault.enc", bytes), sealKey);
    };
    check(good);
    const changes = [1, 2, 4, 8, 16, 32, 64, 128].map((bit) => (byte: number) => byte ^ bit);
    let line = 0;
    for (const [offset, byte] of good.entries()) {
      // A lost line end damages the line after it just as well.
      const parts = PARTS.slice(line, byte === 0x0a ? line + 2 : line + 1);
      for (const change of [...changes, () => 0x0a]) {
        const bytes = Buffer.from(good);
        bytes[offset] = change(byte);
        if (bytes[offset] === byte) continue;
        const { code, message } = refusal(() => check(bytes));
        const isNamed = parts.some((part) => part.test(message));
        expect([offset, code, message, isNamed]).toEqual([offset, "vault-corrupt", message, true]);
      }
      if (byte === 0x0a) line++;
    }
    expect(line).toBe(PARTS.length);
  });

  test("is found when it is cut at any length", () => {
    for (let length = 0; length < sample.good.length; length++) {
      const { code } = refusal(() => decodeVault("vault.enc", sample.good.subarray(0, length)));
      expect([length, code]).toEqual([length, "vault-corrupt"]);
    }
  });

  test("is found on disk, too", async () => {
    for (let offset = 0; offset < sample.good.length; offset += 29) {
      const bytes = Buffer.from(sample.good);
      bytes[offset] = (bytes[offset] ?? 0) ^ 1;
      expect((await complaintAbout(bytes)).code).toBe("vault-corrupt");
      expect((await complaintAbout(sample.good.subarray(0, offset))).code).toBe("vault-corrupt");
    }
  });

  test("is found when lines are swapped, doubled, left out or added", async () => {
    const lines = linesOf(sample.good);
    const [header = "", a1 = "", a2 = "", b1 = "", manifest = "", seal = ""] = lines;
    const cases: [string[], RegExp][] = [
      [[header, a2, a1, b1, manifest, seal], /secret "a", version 1/],
      [[header, a1, b1, a2, manifest, seal], /secret "a", version 2/],
      [[header, a1, a1, b1, manifest, seal], /secret "a", version 2/],
      [[header, a1, a2, manifest, seal], /secret "b", version 1 .* is missing/],
      [[header, a1, a2, b1, b1, manifest, seal], /line 5 does not belong/],
      [[header, a1, a2, b1, seal], /the manifest|and the manifest/],
      [[header, a1, a2, b1, manifest, seal, seal], /manifest/],
      [[a1, a2, b1, manifest, seal], /the header/],
    ];
    for (const [kept, message] of cases) {
      expect((await complaintAbout(`${kept.join("\n")}\n`)).message).toMatch(message);
    }
  });

  test("is found when a line is another vault's, or all but the seal is older", async () => {
    const older = linesOf(await readFile(`${sample.options.vaultFile}.1`));
    const [header = "", , a2 = "", b1 = "", manifest = "", seal = ""] = linesOf(sample.good);
    await using other = await temporaryDirectory();
    const [, theirs = ""] = linesOf((await makeSample(other.path)).good);
    const mixed = [header, theirs, a2, b1, manifest, seal];
    expect((await complaintAbout(`${mixed.join("\n")}\n`)).message).toMatch(PARTS[1]!);
    const note = `${sample.options.stateDir}/vault-generation.json`;
    await rename(note, `${note}.away`);
    const resealed = await complaintAbout(`${[...older.slice(0, -1), seal].join("\n")}\n`);
    expect(resealed.message).toMatch(/the seal/);
    await rename(`${note}.away`, note);
  });

  test("says how to go back, and that brings the previous generation back", async () => {
    const bytes = Buffer.from(sample.good);
    bytes[bytes.length >> 1] = 0;
    const error = await complaintAbout(bytes);
    expect(error.hint).toBe("Go back to generation 3: dso init --restore-previous");
    await restorePreviousVault(sample.options, never);
    const restored = await openLocalVault(sample.options, never);
    expect(await textOf(restored, "a")).toBe("second");
    await expect(textOf(restored, "b")).rejects.toMatchObject({ code: "secret-missing" });
    expect((await readFile(`${sample.options.vaultFile}.broken`)).equals(bytes)).toBe(true);
    await restored.set({ path: "b" }, secret("again"), {}, never);
    expect(await textOf(sample.vault, "b")).toBe("again");
  });
});

describe("an old copy", () => {
  test("is refused, and accepted when a person says so", async () => {
    await using dir = await temporaryDirectory();
    const { vault, options, good } = await makeSample(dir.path);
    await vault.set({ path: "b" }, secret("newer"), {}, never);
    await writeFile(options.vaultFile, good);
    for (const work of [
      () => vault.view(),
      () => openLocalVault(options, never),
      () => vault.set({ path: "b" }, secret("x"), {}, never),
    ]) {
      const error = await failure(work);
      expect(error.code).toBe("vault-stale");
      expect(error.message).toContain("generation 4, but 5 was there before");
      expect(error.hint).toContain("dso init --accept-vault");
    }
    await acceptVault(options, never);
    expect(await textOf(vault, "b")).toBe("third");
    const note = await readFile(`${options.stateDir}/vault-generation.json`, "utf8");
    expect(JSON.parse(note)).toMatchObject({ generation: 6 });
    await writeFile(options.vaultFile, good);
    expect((await failure(() => vault.view())).code).toBe("vault-stale");
  });

  test("of the same number but another content is refused", async () => {
    await using dir = await temporaryDirectory();
    const { vault, options, good } = await makeSample(dir.path);
    const state = `${options.stateDir}/vault-generation.json`;
    const before = await readFile(state);
    await vault.set({ path: "b" }, secret("one way"), {}, never);
    const oneWay = await readFile(options.vaultFile);
    await writeFile(options.vaultFile, good);
    await writeFile(state, before);
    await vault.set({ path: "b" }, secret("another"), {}, never);
    await writeFile(options.vaultFile, oneWay);
    expect((await failure(() => vault.view())).message).toContain("is not the generation 5");
  });

  test("another vault in its place is refused", async () => {
    await using dir = await temporaryDirectory();
    const { vault, options } = await makeSample(dir.path);
    await using other = await temporaryDirectory();
    const { options: theirs } = await makeSample(other.path);
    await writeFile(options.vaultFile, await readFile(theirs.vaultFile));
    expect((await failure(() => vault.view())).code).toBe("vault-stale");
  });

  test("without the note of the newest any is taken, and a damaged note is said", async () => {
    await using dir = await temporaryDirectory();
    const { vault, options } = await makeSample(dir.path);
    const state = `${options.stateDir}/vault-generation.json`;
    await writeFile(state, "{");
    expect(await failure(() => vault.view())).toMatchObject({
      code: "state-corrupt",
      hint: expect.stringContaining("--accept-vault") as string,
    });
    await acceptVault(options, never);
    expect(await textOf(vault, "b")).toBe("third");
    await rm(state);
    expect(await textOf(vault, "b")).toBe("third");
  });
});

test("a vault that vanished is not made anew over its previous generation", async () => {
  await using dir = await temporaryDirectory();
  const { options } = await makeSample(dir.path);
  await rm(options.vaultFile);
  const missing = await failure(() => openLocalVault(options, never));
  expect(missing.code).toBe("vault-missing");
  expect(missing.hint).toContain("dso init --restore-previous");
  expect((await failure(() => initVault(options, never))).hint).toContain("--restore-previous");
  await restorePreviousVault(options, never);
  expect(await textOf(await openLocalVault(options, never), "a")).toBe("second");
});
