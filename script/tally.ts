// What a run of vitest comes to, for script/test: a file (DSO_TALLY) whose first line counts what
// passed, failed and was left out, and whose other lines say what failed, wherever it did: in a
// test, in a hook, in loading a file, outside of them all. A long run ends with these lines, so
// that nobody has to look for them.
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";

const lines = 14;
const foreign = /node_modules|node:/;

/** What an error says and where in our own files, in a few lines. */
function told({ message, name, stack = "" }: SerializedError): string {
  const said = `${name ?? "Error"}: ${message}`.split("\n").slice(0, lines);
  const own = stack.split("\n").filter((line) => /^\s+at .*\//.test(line) && !foreign.test(line));
  return [...said, ...own.slice(0, 3).map((line) => line.trim())]
    .map((line) => `    ${line}\n`)
    .join("");
}

/** A line for each thing of one file that failed, with its errors below. */
function failures(module: TestModule): string[] {
  const where = relative(process.cwd(), module.moduleId);
  const parts = [...module.children.allSuites(), ...module.children.allTests("failed")];
  const found = parts.map((part) => ({
    name: `${where}: ${part.fullName}`,
    errors: part.type === "test" ? (part.result().errors ?? []) : part.errors(),
  }));
  return [{ name: where, errors: module.errors() }, ...found]
    .filter(({ errors }) => errors.length > 0)
    .map(({ errors, name }) => `FAILED ${name}\n${errors.map(told).join("")}`);
}

export default class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules)
      for (const test of module.children.allTests()) count[test.result().state] += 1;
    const said = [
      ...modules.flatMap(failures),
      ...unhandled.map((error) => `FAILED outside of every file\n${told(error)}`),
    ];
    // What failed outside of a test was counted by nobody.
    const failed = Math.max(count.failed, said.length);
    const first = `${count.passed} ${failed} ${count.skipped + count.pending}`;
    if (process.env.DSO_TALLY) writeFileSync(process.env.DSO_TALLY, [first, ...said].join("\n"));
  }
}
