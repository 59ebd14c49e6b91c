import { writeFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { watchFiles } from "../../src/sources/files.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

interface Scene {
  readonly path: (name: string) => string;
  /** Resolves when the file is heard of. */
  readonly heard: (name: string) => Promise<void>;
  readonly watch: (...names: readonly string[]) => Promise<void>;
  readonly all: string[];
}

/** Until the system's watch stands, a change would go unheard: so it is made again and again. */
async function until(change: () => Promise<unknown>, done: Promise<void>): Promise<void> {
  const ended = done.then(() => true);
  const pause = (): Promise<boolean> =>
    new Promise((resolve) => setTimeout(() => resolve(false), 50));
  do await change();
  while (!(await Promise.race([ended, pause()])));
}

async function withWatch(work: (scene: Scene) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const path = (name: string): string => join(directory.path, name);
  const all: string[] = [];
  const waiting = new Map<string, () => void>();
  const watch = watchFiles(
    (file) => {
      all.push(file);
      waiting.get(file)?.();
    },
    (error) => {
      throw error;
    },
  );
  try {
    await work({
      ...{ path, all },
      heard: (name) => new Promise((resolve) => waiting.set(path(name), resolve)),
      watch: (...names) => watch.watch(new Set(names.map(path))),
    });
  } finally {
    await watch.close();
  }
}

describe("watched files", () => {
  it("are heard of when they are written to", () =>
    withWatch(async ({ path, watch, heard }) => {
      await writeFile(path("compose.yaml"), "one");
      await watch("compose.yaml");
      let count = 0;
      await until(() => writeFile(path("compose.yaml"), `${++count}`), heard("compose.yaml"));
    }));

  it("are heard of each time another file is put in their place", () =>
    withWatch(async ({ path, watch, heard }) => {
      await writeFile(path("vault.enc"), "one");
      await watch("vault.enc");
      let count = 0;
      const replace = async (): Promise<void> => {
        await writeFile(path("vault.enc.new"), `${++count}`);
        await rename(path("vault.enc.new"), path("vault.enc"));
      };
      for (let turn = 0; turn < 3; turn++) await until(replace, heard("vault.enc"));
    }));

  it("are heard of when they come and go", () =>
    withWatch(async ({ path, watch, heard }) => {
      await watch("compose.override.yaml");
      await until(async () => {
        await rm(path("compose.override.yaml"), { force: true });
        await writeFile(path("compose.override.yaml"), "services: {}");
      }, heard("compose.override.yaml"));
      const gone = heard("compose.override.yaml");
      await rm(path("compose.override.yaml"));
      await gone;
      await until(
        () => writeFile(path("compose.override.yaml"), "services: {}"),
        heard("compose.override.yaml"),
      );
    }));

  it("may lie in a directory that is yet to be made, and is made again", () =>
    withWatch(async ({ path, watch, heard }) => {
      await watch("conf/app.env");
      for (let turn = 0; turn < 2; turn++) {
        const made = heard("conf/app.env");
        await mkdir(path("conf"));
        await writeFile(path("conf/app.env"), "A=1");
        await made;
        let count = 0;
        await until(() => writeFile(path("conf/app.env"), `${++count}`), heard("conf/app.env"));
        const gone = heard("conf/app.env");
        await rm(path("conf"), { recursive: true });
        await gone;
      }
    }));

  it.each([
    ["piece by piece", (conf: string) => rm(join(conf, "app.env")).then(() => sleep(200))],
    ["as a whole, to another place", (conf: string) => rename(conf, `${conf}.old`)],
  ])("may lie in a directory that goes %s, and is made again", (_, away) =>
    withWatch(async ({ path, watch, heard }) => {
      await mkdir(path("conf"));
      await writeFile(path("conf/app.env"), "A=1");
      await watch("conf/app.env");
      for (let turn = 0; turn < 2; turn++) {
        await away(path("conf"));
        await rm(path("conf"), { recursive: true, force: true });
        await mkdir(path("conf"));
        await writeFile(path("conf/app.env"), "A=2");
        let count = 0;
        for (let change = 0; change < 2; change++)
          await until(() => writeFile(path("conf/app.env"), `${++count}`), heard("conf/app.env"));
        await rm(path("conf.old"), { recursive: true, force: true });
      }
    }),
  );

  it("are told apart from their neighbours, and forgotten when they are not wanted", () =>
    withWatch(async ({ path, watch, heard, all }) => {
      await writeFile(path("a"), "1");
      await writeFile(path("b"), "1");
      await watch("a");
      await watch("b");
      let count = 0;
      await until(async () => {
        await writeFile(path("a"), `${++count}`);
        await writeFile(path("c"), `${count}`);
        await writeFile(path("b"), `${count}`);
      }, heard("b"));
      expect(new Set(all)).toEqual(new Set([path("b")]));
    }));

  it("lose no change that is made while the system is told to watch them, or others", () =>
    withWatch(async ({ path, watch, heard }) => {
      writeFileSync(path("compose.yaml"), "0");
      for (let turn = 1; turn < 20; turn++) {
        const told = heard("compose.yaml");
        const asked = watch("compose.yaml", `${turn}`);
        for (let ticks = 0; ticks < turn - 1; ticks++) await setImmediate();
        writeFileSync(path("compose.yaml"), `${turn}`);
        await Promise.all([told, asked]);
      }
    }));
});
