import { appendFileSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { addParts, readKnown } from "../../src/apply/memory/known.ts";
import { Secret } from "../../src/model/secret.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const secrets = (...all: readonly Uint8Array[]) => all.map((one) => new Secret(Buffer.from(one)));
const known = async (path: string): Promise<readonly string[]> =>
  (await readKnown(path)).map((one) => one.reveal().toString("latin1"));

test("whatever bytes they hold, parts are read as they were added, a cut one left short", async () => {
  const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(parts, parts, async (first, second) => {
      await using directory = await temporaryDirectory();
      await addParts(directory.path, secrets(...first));
      await addParts(directory.path, secrets(...second));
      const texts = [...first, ...second].map((one) => Buffer.from(one).toString("latin1"));
      const all = [...new Set(texts)];
      expect(await known(directory.path)).toEqual(all);
      if (all.length === 0) return;
      const path = join(directory.path, "parts");
      appendFileSync(path, Buffer.from([0, 0, 0, 9, 65]));
      expect(await known(directory.path)).toEqual([...all, "A"]);
      await addParts(directory.path, secrets(Buffer.from("added after that")));
      expect((await known(directory.path)).at(-1)).toBe("added after that");
      truncateSync(path, 3);
      expect(await known(directory.path)).toEqual([]);
    }),
    { numRuns: 30 },
  );
});

test("files of every version count, and the manifest does not", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  for (const folder of ["files/..1/db", "files/..2/db", "single"]) {
    mkdirSync(join(path, folder), { recursive: true });
    writeFileSync(join(path, folder, "0"), `in ${folder}`);
  }
  writeFileSync(join(path, "manifest.json"), "{}");
  const expected = ["in files/..1/db", "in files/..2/db", "in single"];
  expect([...(await known(path))].sort()).toEqual(expected);
  expect(await known(join(path, "gone"))).toEqual([]);
});
