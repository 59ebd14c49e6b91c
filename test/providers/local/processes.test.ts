import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openLocalVault } from "../../../src/providers/local/vault.ts";
import { startChild } from "../../fixtures/child.ts";
import { temporaryDirectory } from "../../fixtures/temporary.ts";
import { never, newVault, secret, textOf, vaultOptions } from "./vaults.ts";

/** Each write goes to the disk, on a busy machine after those of everybody else. */
const LONG = 600_000;

test("two processes that set 500 times each lose nothing", { timeout: LONG }, async () => {
  await using dir = await temporaryDirectory();
  const { vault } = await newVault(dir.path);
  const children = ["a", "b"].map((prefix) =>
    startChild("set-secrets.ts", dir.path, prefix, "500"),
  );
  for (const child of children) child.process.stdout.resume();
  expect(await Promise.all(children.map((child) => child.ended()))).toEqual([0, 0]);

  const view = await vault.view();
  expect(view.secrets.size).toBe(20);
  for (const [path, records] of view.secrets) {
    const [prefix = "", at = ""] = path.split("/");
    const texts = records.map((record) =>
      view.reveal(record).values.get("value")?.reveal().toString(),
    );
    expect(texts).toEqual(Array.from({ length: 50 }, (_, n) => `${prefix} ${n * 10 + Number(at)}`));
  }
});

test(
  "a writer killed at any moment leaves the old state or the new",
  { timeout: LONG },
  async () => {
    await using dir = await temporaryDirectory();
    const { vault } = await newVault(dir.path);
    for (let round = 0; round < 12; round++) {
      const prefix = `round${round}`;
      await using child = startChild("set-secrets.ts", dir.path, prefix, "1000");
      let done = 0;
      while (done < 3) done = Number(await child.line());
      await sleep(round * 1.7);
      child.process.kill("SIGKILL");
      await child.ended();
      for (let line = await lastLine(child); line !== undefined; line = await lastLine(child)) {
        done = Number(line);
      }
      const { secrets } = await vault.view();
      const written = [...secrets].filter(([path]) => path.startsWith(`${prefix}/`));
      const count = written.reduce((sum, [, records]) => sum + records.length, 0);
      expect([done + 1, done + 2]).toContain(count);
      await vault.set({ path: "after" }, secret(prefix), {}, never);
      expect(await textOf(vault, "after")).toBe(prefix);
    }
    const files = await readdir(join(dir.path, "home"));
    expect(files.sort()).toEqual(["vault.enc", "vault.enc.1"]);
    (await openLocalVault(vaultOptions(dir.path), never)).close();
  },
);

async function lastLine(child: ReturnType<typeof startChild>): Promise<string | undefined> {
  return child.line().catch(() => undefined);
}
