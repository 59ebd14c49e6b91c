/** What is measured, each on a project of its own that runs and needs nothing. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { newestCompose, type Home, type Project } from "../test/e2e/cli.ts";
import { ensureTestImage } from "../test/e2e/image.ts";
import { countEngineCalls } from "./engineCalls.ts";
import { race, type Runner } from "./race.ts";
import { ratioRow, type Row } from "./table.ts";

export interface Setting {
  readonly home: Home;
  /** The `dso` of the release that is measured. */
  readonly dso: string;
  readonly rounds: number;
}

export function measureStart({ home, dso, rounds }: Setting): Row[] {
  const place = { cwd: home.path, environment: home.environment };
  const node: Runner = { ...place, name: "node -e 0", argv: [process.execPath, "-e", "0"] };
  const ours = ["--version", "docker-cli-plugin-metadata"].map((word): Runner => ({
    ...place,
    name: `dso ${word}`,
    argv: [dso, word],
  }));
  const times = race([node, ...ours], rounds);
  const measured = (runner: Runner) => ({ name: runner.name, times: times.get(runner) ?? [] });
  return ours.map((runner) => ratioRow(measured(runner), measured(node), 1.8));
}

/** An engine that is told to remove hundreds at once loses count of a network's endpoints: in turns. */
export async function stopProject({ home, dso }: Setting, { dir }: Project): Promise<void> {
  await home.run(dso, ["down", "-v", "--parallelism", "8"], { cwd: dir });
}

/** `services` services of `replicas` containers each, all running, each with a secret and what it is told. */
export async function startProject(
  { home, dso }: Setting,
  services: number,
  replicas: number,
  environmentOf: (index: number) => Readonly<Record<string, string>> = () => ({}),
): Promise<Project> {
  const image = await ensureTestImage("base");
  const own = { LEVEL: "info", TOKEN_FILE: "dsofile://bench/token" };
  const named = Array.from({ length: services }, (_, index) => {
    const environment = { ...own, ...environmentOf(index) };
    return [`app${index + 1}`, { image, environment, deploy: { replicas } }] as const;
  });
  await home.run(dso, ["secret", "set", "bench/token"], { input: "of-no-worth" });
  const model = JSON.stringify({ services: Object.fromEntries(named) }, null, 2);
  const project = await home.project({ "compose.yaml": model }, "dso-bench");
  await home.run(dso, ["up", "-d", "--parallelism", "8"], { cwd: project.dir });
  return project;
}

function runnersIn({ home, dso }: Setting, project: Project, count: number) {
  const [cwd, environment] = [project.dir, home.environment];
  const compose = newestCompose();
  const many = count === 1 ? "" : `, ${count} containers`;
  const runner = (name: string, ...argv: Runner["argv"]): Runner => ({
    name: `${name}${many}`,
    argv,
    cwd,
    environment,
  });
  return {
    plan: runner("dso plan", dso, "plan"),
    apply: runner("dso apply", dso, "apply", "-auto-approve"),
    dryRun: runner("docker-compose up -d --dry-run", compose, "up", "-d", "--dry-run"),
    composeUp: runner("docker-compose up -d", compose, "up", "-d"),
    ps: runner("docker ps", "docker", "ps"),
  };
}

export async function measureOne(setting: Setting): Promise<Row[]> {
  const project = await startProject(setting, 1, 1);
  const { plan, apply, dryRun, composeUp, ps } = runnersIn(setting, project, 1);
  const times = race([dryRun, plan, composeUp, apply, ps], setting.rounds);
  const measured = (runner: Runner) => ({ name: runner.name, times: times.get(runner) ?? [] });
  return [
    ratioRow(measured(plan), measured(dryRun), 2),
    ratioRow(measured(plan), measured(composeUp)),
    ratioRow(measured(plan), measured(ps)),
    ratioRow(measured(apply), measured(composeUp)),
  ];
}

/** From so many containers on, what a start costs no longer weighs: the budget is of these. */
const BUDGET_COUNT = 500;

export async function measureMany(setting: Setting, count: number): Promise<Row[]> {
  const project = await startProject(setting, 10, count / 10);
  const { plan, dryRun, ps } = runnersIn(setting, project, count);
  const times = race([dryRun, plan, ps], Math.ceil(setting.rounds / 2));
  const measured = (runner: Runner) => ({ name: runner.name, times: times.get(runner) ?? [] });
  const calls = await countEngineCalls(plan, join(setting.home.path, "proxy.sock"));
  const peak = await peakMegabytes(setting, plan);
  await stopProject(setting, project);
  return [
    ratioRow(measured(plan), measured(dryRun), count < BUDGET_COUNT ? undefined : 1.5),
    ratioRow(measured(plan), measured(ps)),
    {
      figure: `engine calls of dso plan, ${count} containers`,
      value: `${calls.lists} lists, ${calls.inspects} inspects, ${calls.others} others`,
      budget: "3 lists, 1 image",
      ok: calls.lists <= 3 && calls.inspects <= 1,
    },
    {
      figure: `memory of dso plan, ${count} containers`,
      value: `${peak} MB`,
    },
  ];
}

/** The most that the process held at a time. */
async function peakMegabytes({ home }: Setting, { argv, cwd }: Runner): Promise<number> {
  const file = join(home.path, "peak");
  const probe = `import { writeFileSync } from "node:fs";
    process.on("exit", () => writeFileSync(${JSON.stringify(file)}, String(process.resourceUsage().maxRSS)));`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(probe)}`;
  const [program, ...args] = argv;
  await home.run(program, args, { cwd, environment: { NODE_OPTIONS } });
  const kilobytes = Number(readFileSync(file, "utf8"));
  rmSync(file);
  return Math.round(kilobytes / 1024);
}
