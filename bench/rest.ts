/** An agent that has nothing to do: what it costs to be there. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { startAgent } from "../test/e2e/agency.ts";
import type { Home, Project } from "../test/e2e/cli.ts";
import { type Setting, startProject, stopProject } from "./scenes.ts";
import type { Row } from "./table.ts";

const SERVICES = 50;
const SECRETS_EACH = 20;
/** So long it is left alone before anything is counted, and then watched, ms. */
const SETTLE_MS = 15_000;
const WATCHED_MS = 120_000;
/** How often it looks by itself, unless told; and, while it is watched, more often, so that looks are counted. */
const USUAL_S = 300;
const OFTEN_S = 30;
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
  const idle = await watched(home, project, "1h");
  const often = await watched(home, project, `${OFTEN_S}s`);
  await stopProject(setting, project);
  // What it costs more to look more often is what the looks cost.
  const usual = idle.percent + (often.percent - idle.percent) * (OFTEN_S / USUAL_S);
  return rowsOf(`agent at rest, ${count} containers, ${secrets} secrets`, idle, often, usual);
}

interface Watched {
  /** Of one core. */
  readonly percent: number;
  readonly megabytes: number;
}

async function watched(home: Home, project: Project, polling: string): Promise<Watched> {
  await using agent = await startAgent(home, project, { polling });
  await sleep(SETTLE_MS);
  const before = await cpuMs(agent.pid);
  await sleep(WATCHED_MS);
  const percent = ((await cpuMs(agent.pid)) - before) / (WATCHED_MS / 100);
  return { percent, megabytes: await residentMegabytes(agent.pid) };
}

function rowsOf(where: string, idle: Watched, often: Watched, usual: number): Row[] {
  const percent = (share: number): string => `${share.toFixed(2)} %`;
  return [
    {
      figure: `${where}: memory`,
      value: `${often.megabytes} MB`,
      budget: `${BUDGET_MB} MB`,
      ok: often.megabytes <= BUDGET_MB,
    },
    { figure: `${where}: of one core, without a look`, value: percent(idle.percent) },
    { figure: `${where}: with a look every ${OFTEN_S} s`, value: percent(often.percent) },
    {
      figure: `${where}: with one every ${USUAL_S} s, as usual`,
      value: percent(usual),
      budget: `${BUDGET_PERCENT} %`,
      ok: usual < BUDGET_PERCENT,
    },
  ];
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
