/** What it costs a program to be started through the shim. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { race, type Runner } from "./race.ts";
import type { Setting } from "./scenes.ts";
import { ratioRow, type Row } from "./table.ts";

/** One start is too short to be timed from here. */
const STARTS = 200;
const VARIABLES = 50;

/** No row where the release has no shim for this machine. */
export function measureShim({ home, dso, rounds }: Setting): Row[] {
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const shim = join(dso, "../../dist", `shim-${architecture}`);
  if (!existsSync(shim)) return [];
  const file = join(home.path, "variables");
  const entries = Array.from({ length: VARIABLES }, (_, index) => `NAME_${index}=of-no-worth\0`);
  writeFileSync(file, entries.join(""));
  const repeated = `i=0; while [ $i -lt ${STARTS} ]; do "$@"; i=$((i+1)); done`;
  const runner = (name: string, ...before: string[]): Runner => ({
    name,
    argv: ["/bin/sh", "-c", repeated, "sh", ...before, "/bin/true"],
    cwd: home.path,
    environment: home.environment,
  });
  const bare = runner(`${STARTS} starts of /bin/true`);
  const sealed = runner(`the same through the shim, ${VARIABLES} variables`, shim, file);
  const times = race([bare, sealed], rounds);
  const measured = (one: Runner) => ({ name: one.name, times: times.get(one) ?? [] });
  return [ratioRow(measured(sealed), measured(bare))];
}
