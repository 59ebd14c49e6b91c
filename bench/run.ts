/**
 * `npm run bench [-- --quick] [--rounds=N]`: what DSO costs next to what people know, in one table.
 * Wants an engine (`script/engine npm run bench` starts one) and leaves nothing behind.
 * Exit code 1: a budget is missed. `--quick`: 50 containers in place of 500.
 */
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createHome } from "../test/e2e/cli.ts";
import { stageRelease } from "./release.ts";
import { measureMany, measureOne, measureStart, type Setting } from "./scenes.ts";
import { renderTable, type Row } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string", default: "15" },
  },
});

async function measureAll(): Promise<Row[]> {
  await using home = await createHome();
  const dso = await stageRelease(join(home.path, "release"));
  const setting: Setting = { home, dso, rounds: Number(options.rounds) };
  progress("starting");
  const rows = measureStart(setting);
  progress("one container");
  rows.push(...(await measureOne(setting)));
  const count = options.quick ? 50 : 500;
  progress(`${count} containers`);
  rows.push(...(await measureMany(setting, count)));
  progress("tidying up");
  return rows;
}

function progress(what: string): void {
  console.error(`bench: ${what} (load ${loadavg()[0]?.toFixed(1) ?? "?"})`);
}

const rows = await measureAll();
console.log(renderTable(rows));
const load = loadavg().map((each) => each.toFixed(1));
console.log(`\nNode ${process.versions.node}, ${cpus().length} cores, load ${load.join(" ")}.`);
console.log("Milliseconds are this machine's; budgets are ratios within this one run.");
if (rows.some(({ ok }) => ok === false)) {
  console.log("A budget is missed.");
  process.exitCode = 1;
}
