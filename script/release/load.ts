/**
 * What the bundle has in the place of src/cli/process.ts: the program in one file, with the
 * compiled code of what the warm-up called. Node's own compile cache keeps what is compiled while a
 * file is loaded, and most functions are compiled when they are first called: that took a third of
 * the time of a plan.
 */
import type { Release } from "../../src/cli/process.ts";
import { compileProgram, evaluateProgram } from "./compile.ts";

/** Named after its content: a program and the compiled code of another build never meet. */
declare const PROGRAM: string;

const { readFileSync } = process.getBuiltinModule("node:fs");

export function runProcess(release: Release): Promise<void> {
  const file = `${import.meta.dirname}/${PROGRAM}`;
  const compiled = readFileSync(`${file}.compiled`);
  return evaluateProgram(compileProgram(file, compiled), file).runProcess(release);
}
