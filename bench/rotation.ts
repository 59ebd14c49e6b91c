/** From a changed value to the first answer with it, and what is lost on the way. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { newestCompose, ROOT, type Home, type Project } from "../test/e2e/cli.ts";
import { ensureTestImage } from "../test/e2e/image.ts";
import { startLoop } from "../test/e2e/loop.ts";
import type { Loop } from "../test/e2e/requestLoop.ts";
import { traceCalls } from "./engineCalls.ts";
import { type Phases, phaseRows, phasesOf } from "./phases.ts";
import type { Setting } from "./scenes.ts";
import { ratioRow, type Row } from "./table.ts";

/** Rounds that are looked at call by call. */
const TRACED = 5;

/** A service that answers with its version, and a container on its network from which it is asked. */
function compose(image: string, source: string, more: readonly string[]): string {
  const script = `${source} > /www/index.html; exec /bin/serve`.replaceAll("$", "$$$$");
  return [
    "services:",
    "  web:",
    `    image: ${image}`,
    `    command: [sh, -c, ${JSON.stringify(script)}]`,
    ...more.map((line) => `    ${line}`),
    "  client:",
    `    image: ${image}`,
    "    command: [/bin/idle]",
    "",
  ].join("\n");
}

interface Side {
  readonly name: string;
  readonly project: Project;
  /** Makes the service answer with this. */
  readonly change: (version: string, environment?: Record<string, string>) => Promise<unknown>;
  readonly times: number[];
  failed: number;
  sent: number;
}

interface Round {
  readonly begun: number;
  readonly heard: number;
  readonly loop: Loop;
}

async function oneRound(
  home: Home,
  side: Side,
  version: string,
  environment?: Record<string, string>,
): Promise<Round> {
  const running = await startLoop(home, `${side.project.name}-client-1`, "web", "8080", "200");
  await sleep(300);
  const begun = Date.now();
  await side.change(version, environment);
  await sleep(300);
  const loop = await running.stop();
  const heard = loop.firstAt[version];
  if (heard === undefined) throw new Error(`${side.name}: ${version} was never heard`);
  return { begun, heard, loop };
}

async function timedRound(home: Home, side: Side, version: string): Promise<void> {
  const { begun, heard, loop } = await oneRound(home, side, version);
  side.times.push(heard - begun);
  side.failed += Object.values(loop.failed).reduce((sum, count) => sum + count, 0);
  side.sent += loop.sent;
}

/** Where the time of one change goes, seen from the engine; the proxy in between costs some itself. */
async function tracedRound(home: Home, side: Side, version: string): Promise<Phases> {
  await using trace = await traceCalls(home.environment, join(home.path, "trace.sock"));
  const { begun, heard } = await oneRound(home, side, version, { DOCKER_HOST: trace.host });
  return phasesOf(trace.calls, begun, heard);
}

async function ours(
  { home, dso }: Setting,
  image: string,
  { name, secret, change }: Pick<Side, "name" | "change"> & { readonly secret: string },
): Promise<Side> {
  await change("v0");
  const text = compose(image, `cat /run/secrets/${secret}`, [
    `environment: { VERSION_FILE: "dsofile://${secret}" }`,
    "x-dso: { health: { http: { port: 8080 } } }",
  ]);
  const project = await home.project({ "compose.yaml": text }, "dso-bench");
  await home.run(dso, ["up", "-d", "--wait"], { cwd: project.dir });
  return { name, project, change, times: [], failed: 0, sent: 0 };
}

function byCommand({ home, dso }: Setting, image: string): Promise<Side> {
  const secret = "bench/v";
  const change: Side["change"] = (version, environment = {}) =>
    home.run(dso, ["secret", "set", secret], { input: version, environment });
  return ours({ home, dso, rounds: 0 }, image, { name: "dso secret set", secret, change });
}

interface Resident extends Disposable {
  readonly change: (secret: string) => Side["change"];
}

/** One process for all changes; see `resident.ts`. */
function startResident({ home }: Setting): Resident {
  const script = join(ROOT, "bench/resident.ts");
  const child = spawn(process.execPath, [script], {
    cwd: home.path,
    env: home.environment,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    change:
      (secret) =>
      async (version, environment = {}) => {
        child.stdin.write(`${JSON.stringify({ secret, version, environment })}\n`);
        if ((await answers.next()).done === true) throw new Error("the resident process ended");
      },
    [Symbol.dispose]: () => void child.stdin.end(),
  };
}

async function theirs({ home }: Setting, image: string): Promise<Side> {
  const text = compose(image, "echo $VERSION", ['environment: { VERSION: "${VERSION}" }']);
  const project = await home.project({ "compose.yaml": text }, "compose-bench");
  const up = (version: string, environment: Record<string, string>, ...more: string[]) =>
    home.run(newestCompose(), ["up", "-d", ...more], {
      cwd: project.dir,
      environment: { ...environment, VERSION: version },
    });
  await up("v0", {});
  await sleep(1000);
  const change = (version: string, environment: Record<string, string> = {}) =>
    up(version, environment, "--force-recreate", "web");
  const name = "docker-compose up -d --force-recreate";
  return { name, project, change, times: [], failed: 0, sent: 0 };
}

export async function measureRotation(setting: Setting): Promise<Row[]> {
  const image = await ensureTestImage("http");
  using resident = startResident(setting);
  const change = resident.change("resident/v");
  const sides = [
    await theirs(setting, image),
    await byCommand(setting, image),
    await ours(setting, image, { name: "by a process that runs", secret: "resident/v", change }),
  ] as const;
  for (let round = 1; round <= Math.ceil(setting.rounds / 2); round++) {
    for (const side of sides) await timedRound(setting.home, side, `v${round}`);
  }
  const phases = new Map<Side, Phases[]>(sides.map((side) => [side, []]));
  for (let round = 1; round <= TRACED; round++) {
    for (const [side, all] of phases) all.push(await tracedRound(setting.home, side, `t${round}`));
  }
  return rowsOf(sides, phases);
}

function rowsOf(
  [baseline, own, resident]: readonly [Side, Side, Side],
  phases: ReadonlyMap<Side, readonly Phases[]>,
): Row[] {
  const rowsFor = (side: Side): readonly Row[] =>
    phaseRows(phases.get(side) ?? [], phases.get(baseline) ?? [], baseline.name);
  const lost = ({ failed, sent }: Side): string => `${failed} of ${sent}`;
  return [
    ratioRow({ ...own, name: `${own.name}: until heard` }, baseline, 1),
    ...rowsFor(own),
    ratioRow({ ...resident, name: `${resident.name}: until heard` }, baseline, 1),
    ...rowsFor(resident),
    {
      figure: "requests failed in rotations, 200 a second",
      value: `${lost(own)}, ${lost(resident)}; with ${baseline.name}: ${lost(baseline)}`,
      budget: "0",
      ok: own.failed + resident.failed === 0,
    },
  ];
}
