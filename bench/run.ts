/**
 * `npm run bench [-- --quick] [--rounds=N]`: what DSO costs next to what people know, in one table.
 * `npm run bench -- --rotations`, as root: the same for a changed secret, under requests.
 * `npm run bench -- --rest`: what an agent costs that has nothing to do.
 * `npm run bench -- --polls`, without an engine: what it costs to look for changes in stores of a thousand secrets.
 * `npm run bench -- --loader`, without an engine, too: what it costs to read a project of a thousand services.
 * Wants an engine (`script/engine npm run bench` starts one) and leaves nothing behind.
 * Exit code 1: a budget is missed. `--quick`: 50 containers in place of 500.
 */
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createHome } from "../test/e2e/cli.ts";
import { measureLoader } from "./loader.ts";
import { measurePolls } from "./polls.ts";
import { stageRelease } from "./release.ts";
import { measureRest } from "./rest.ts";
import { measureRotation } from "./rotation.ts";
import { measureMany, measureOne, measureStart, type Setting } from "./scenes.ts";
import { measureShim } from "./shim.ts";
import { renderTable, type Row } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    loader: { type: "boolean", default: false },
    polls: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    rest: { type: "boolean", default: false },
    rotations: { type: "boolean", default: false },
    rounds: { type: "string", default: "15" },
  },
});

async function measureAll(setting: Setting): Promise<Row[]> {
  if (options.rotations) return measureRotation(setting);
  const count = options.quick ? 50 : 500;
  if (options.rest) return measureRest(setting, count);
  progress("starting");
  const start = [...measureStart(setting), ...measureShim(setting)];
  progress("one container");
  const one = await measureOne(setting);
  progress(`${count} containers`);
  return [...start, ...one, ...(await measureMany(setting, count))];
}

function progress(what: string): void {
  console.error(`bench: ${what} (load ${loadavg()[0]?.toFixed(1) ?? "?"})`);
}

function report(rows: readonly Row[]): void {
  console.log(renderTable(rows));
  const load = loadavg().map((each) => each.toFixed(1));
  console.log(`\nNode ${process.versions.node}, ${cpus().length} cores, load ${load.join(" ")}.`);
  console.log("Milliseconds are this machine's; budgets are ratios within this one run.");
  if (rows.every(({ ok }) => ok !== false)) return;
  console.log("A budget is missed.");
  process.exitCode = 1;
}

if (options.polls) report(await measurePolls());
else if (options.loader) report(await measureLoader(Math.ceil(Number(options.rounds) / 3)));
else {
  await using home = await createHome();
  const dso = await stageRelease(join(home.path, "release"));
  report(await measureAll({ home, dso, rounds: Number(options.rounds) }));
  progress("tidying up");
}
