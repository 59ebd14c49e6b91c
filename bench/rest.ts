/** An agent that has nothing to do: what it costs to be there. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { startAgent } from "../test/e2e/agency.ts";
import { type Setting, startProject, stopProject } from "./scenes.ts";
import type { Row } from "./table.ts";

const SERVICES = 50;
const SECRETS_EACH = 20;
/** So long it is left alone before anything is counted, and then watched, ms. */
const SETTLE_MS = 15_000;
const WATCHED_MS = 120_000;
/** Often enough that looks are part of what is counted; by itself it looks every five minutes. */
const POLL = "30s";
const BUDGET_MB = 120;
const BUDGET_PERCENT = 1;

/** Fifty services with twenty secrets each, of `count` containers together. */
export async function measureRest(setting: Setting, count: number): Promise<Row[]> {
  const { home, dso } = setting;
  const secrets = SERVICES * SECRETS_EACH;
  const names = Array.from({ length: secrets }, (_, index) => `S${index}`);
  const input = names.map((name) => `${name}=of-no-worth-${name}\n`).join("");
  await home.run(dso, ["secret", "import", "--prefix", "rest", "--no-apply", "-"], { input });
  const environmentOf = (service: number): Readonly<Record<string, string>> => {
    const own = names.slice(service * SECRETS_EACH, (service + 1) * SECRETS_EACH);
    return Object.fromEntries(own.map((name) => [`${name}_FILE`, `dsofile://rest/${name}`]));
  };
  const project = await startProject(setting, SERVICES, count / SERVICES, environmentOf);
  const rows = await watch();
  await stopProject(setting, project);
  return rows;

  async function watch(): Promise<Row[]> {
    await using agent = await startAgent(home, project, { polling: POLL });
    await sleep(SETTLE_MS);
    const before = await cpuMs(agent.pid);
    await sleep(WATCHED_MS);
    const percent = ((await cpuMs(agent.pid)) - before) / (WATCHED_MS / 100);
    const megabytes = await residentMegabytes(agent.pid);
    const where = `agent at rest, ${count} containers, ${secrets} secrets`;
    return [
      {
        figure: `${where}: memory`,
        value: `${megabytes} MB`,
        budget: `${BUDGET_MB} MB`,
        ok: megabytes <= BUDGET_MB,
      },
      {
        figure: `${where}: of one core, with a look every ${POLL}`,
        value: `${percent.toFixed(2)} %`,
        budget: `${BUDGET_PERCENT} %`,
        ok: percent < BUDGET_PERCENT,
      },
    ];
  }
}

/** What the process and nobody else has used so far; the kernel counts in hundredths of a second. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]) / 1024);
}
