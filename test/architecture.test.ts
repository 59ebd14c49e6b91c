import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  cycles,
  impurities,
  longFiles,
  moduleState,
  reveals,
  wrongArrows,
} from "./architecture/rules.ts";
import { foldersOf, importsOf, readSources, type Source } from "./architecture/source.ts";

const src = readSources("src");

function file(path: string, text: string): Source {
  return { path, text };
}

describe("the house", () => {
  it("is looked at: every folder of src has files that were read", () => {
    const read = foldersOf("src").filter((folder) =>
      src.some(({ path }) => path.startsWith(`src/${folder}/`)),
    );
    expect(read).toEqual(expect.arrayContaining(["apply", "cli", "compose", "diff", "docker"]));
    expect(src.flatMap(importsOf).length).toBeGreaterThan(src.length);
    expect(src.length).toBeGreaterThan(50);
  });

  it("has imports that run one way", () => {
    expect(wrongArrows(src)).toEqual([]);
  });

  it("has no cycle", () => {
    expect(cycles(src)).toEqual([]);
  });

  it("does no input or output in model and diff", () => {
    expect(impurities(src)).toEqual([]);
  });

  it("looks into secrets only where they are delivered or kept", () => {
    expect(reveals(src)).toEqual([]);
  });

  it("keeps no state in modules and does nothing as they load", () => {
    expect(moduleState(src)).toEqual([]);
  });

  it("claims nothing about security without a test that is there", () => {
    const text = readFileSync("docs/security.md", "utf8");
    const named = [...text.matchAll(/`([\w/]+\.(?:test|e2e|server)\.ts)`/g)].map(
      ([, name = ""]) => name,
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => !existsSync(join("test", name)))).toEqual([]);
    const shown = text.split("## By attacker")[1]?.split("\n") ?? [];
    const bare = shown.filter((line) => /^\| (?!-|claim)/.test(line) && !line.includes(".ts`"));
    expect(bare).toEqual([]);
  });

  it("has at most eight files in lib", () => {
    expect(src.filter(({ path }) => path.startsWith("src/lib/")).length).toBeLessThanOrEqual(8);
  });

  it.each(["src", "test", "script", "bench"])("has no file over 300 lines in %s", (folder) => {
    const sources = readSources(folder);
    expect(sources).not.toEqual([]);
    expect(longFiles(sources, 300)).toEqual([]);
  });
});

describe("the rules of the house see", () => {
  it("an arrow against the order, however it is imported", () => {
    const ways = ['import "../cli/a.ts";', 'export { a } from "../cli/a.ts";'];
    ways.push('const load = () => import("../cli/a.ts");', 'type A = import("../cli/a.ts").A;');
    for (const text of ways) {
      expect(wrongArrows([file("src/diff/b.ts", text)])).toEqual(["src/diff/b.ts -> src/cli/a.ts"]);
    }
  });

  it("neighbours of one rank, the model in lib, and a folder without a place", () => {
    expect(wrongArrows([file("src/apply/a.ts", 'import "../diff/b.ts";')])).toHaveLength(1);
    expect(wrongArrows([file("src/lib/a.ts", 'import "../model/plan.ts";')])).toHaveLength(1);
    expect(wrongArrows([file("src/utils/a.ts", "")])).toEqual([
      "src/utils has no place in the order",
    ]);
  });

  it("no fault in an arrow along the order", () => {
    const good = file(
      "src/cli/a.ts",
      'import "../lib/x.ts"; import "../model/y.ts"; import "./z.ts";',
    );
    expect(wrongArrows([good])).toEqual([]);
  });

  it("a cycle, also one of types", () => {
    const ring = [
      file("src/model/a.ts", 'import "./b.ts";'),
      file("src/model/b.ts", 'import type { C } from "./c.ts";'),
      file("src/model/c.ts", 'const a = () => import("./a.ts");'),
    ];
    expect(cycles(ring)).toEqual([
      "src/model/a.ts -> src/model/b.ts -> src/model/c.ts -> src/model/a.ts",
    ]);
    expect(cycles(ring.slice(1))).toEqual([]);
  });

  it.each([
    ["const a = Date.now();", "Date.now"],
    ["const a = new Date();", "new Date"],
    ["const a = process.env;", "process"],
    ["const f = async () => { await g(); };", "await"],
    ["console.log(1);", "console"],
  ])("%s in diff", (text, what) => {
    expect(impurities([file("src/diff/a.ts", text)])).toEqual([`src/diff/a.ts:1 ${what}`]);
    expect(impurities([file("src/apply/a.ts", text)])).toEqual([]);
  });

  it("an import of the file system, but no fault in a field that is called process", () => {
    const reads = file("src/model/a.ts", 'import { readFile } from "node:fs/promises";');
    expect(impurities([reads])).toEqual(["src/model/a.ts imports node:fs/promises"]);
    const named = file(
      "src/model/a.ts",
      "interface A { process: string } const b = a.process; new Date(0);",
    );
    expect(impurities([named])).toEqual([]);
  });

  it("no fault in a function of the file's own that is called fetch", () => {
    const text = "function fetch(): number { return 1; } const a = () => fetch();";
    expect(impurities([file("src/diff/a.ts", text)])).toEqual([]);
    expect(impurities([file("src/diff/a.ts", "const a = () => fetch();")])).toHaveLength(1);
  });

  it("a secret looked into elsewhere", () => {
    const text = "const a = secret.reveal();";
    expect(reveals([file("src/cli/a.ts", text)])).toEqual(["src/cli/a.ts:1 .reveal"]);
    expect(reveals([file("src/apply/a.ts", text)])).toEqual([]);
  });

  it.each([
    "let a = 1;",
    "const a = new Map();",
    "const a = [];",
    "const a: Record<A, B> = {};",
    "start();",
  ])("%s at the top", (text) => {
    expect(moduleState([file("src/cli/a.ts", text)])).toHaveLength(1);
    expect(moduleState([file("src/cli/a.ts", `function f() { ${text} }`)])).toEqual([]);
  });

  it("no state in constants", () => {
    const text =
      "const a: ReadonlyMap<string, A> = new Map(); const b: readonly A[] = []; const c = [1]; const d: D = {};";
    expect(moduleState([file("src/cli/a.ts", text)])).toEqual([]);
  });

  it("a file that is one line too long", () => {
    expect(
      longFiles([file("src/a.ts", "\n".repeat(301)), file("src/b.ts", "\n".repeat(300))], 300),
    ).toEqual(["src/a.ts has 301 lines"]);
  });
});
