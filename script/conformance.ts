// How the loader does on the recorded cases, and beside the Docker Compose of this machine:
// `script/conformance [GROUP...]`, which says more.
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { findComposeProgram } from "../src/docker/composeProgram.ts";
import { CASES, caseNames, compareWith, runCase } from "../test/compose/conformanceCases.ts";
import { DIFFERENCES } from "../test/compose/differences.ts";

/** `name: passed of all`, and below it what failed. */
function show(name: string, all: number, failures: readonly string[], meant = 0): void {
  const also = meant === 0 ? "" : `, ${meant} different on purpose`;
  console.log(`${name}: ${all - failures.length - meant} of ${all}${also}`);
  for (const failure of failures) console.log(`  ${failure}`);
}

async function recorded(group: string): Promise<number> {
  const names = caseNames(group);
  const failures: string[] = [];
  let meant = 0;
  for (const id of names) {
    const verdict = await runCase(id);
    if (verdict.kind !== "wrong") continue;
    if (DIFFERENCES[id] === undefined) failures.push(`${id}: ${verdict.why}`);
    else meant += 1;
  }
  show(group, names.length, failures, meant);
  return failures.length;
}

async function beside(program: string, group: string): Promise<void> {
  const names = caseNames(group);
  const failures: string[] = [];
  for (const id of names) {
    const difference = await compareWith(program, id);
    if (difference !== undefined) failures.push(`${id}: ${difference.slice(0, 300)}`);
  }
  show(group, names.length, failures);
}

const asked = process.argv.slice(2);
const groups = asked.length > 0 ? asked : readdirSync(CASES);
let failed = 0;
for (const group of groups) failed += await recorded(group);
console.log(failed === 0 ? "Every recorded case passes.\n" : `${failed} recorded cases fail.\n`);
const found = await findComposeProgram(process.env, homedir(), AbortSignal.timeout(10_000));
if (found === undefined) console.log("No Docker Compose is installed here to compare with.");
else {
  console.log(`Beside Docker Compose ${found.version}:`);
  for (const group of groups) await beside(found.path, group);
}
process.exitCode = failed === 0 ? 0 : 1;
