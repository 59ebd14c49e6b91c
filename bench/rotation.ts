/** From a changed value to the first answer with it, and what is lost on the way. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startAgent } from "../test/e2e/agency.ts";
import { newestCompose, type Home, type Project } from "../test/e2e/cli.ts";
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
  /** Makes the service answer with this; answers since when, where that was later than it was asked. */
  readonly change: (version: string, environment?: Record<string, string>) => Promise<unknown>;
  /** From the change to the first answer. */
  readonly times: number[];
  /** The same from when it was asked for. */
  readonly whole: number[];
  failed: number;
  sent: number;
}

interface Round {
  readonly asked: number;
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
  const asked = Date.now();
  const changed = await side.change(version, environment);
  const begun = typeof changed === "number" ? changed : asked;
  await sleep(300);
  const loop = await running.stop();
  const heard = loop.firstAt[version];
  if (heard === undefined) throw new Error(`${side.name}: ${version} was never heard`);
  return { asked, begun, heard, loop };
}

async function timedRound(home: Home, side: Side, version: string): Promise<void> {
  const { asked, begun, heard, loop } = await oneRound(home, side, version);
  side.times.push(heard - begun);
  side.whole.push(heard - asked);
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
  return { name, project, change, times: [], whole: [], failed: 0, sent: 0 };
}

/** When the vault last got a new version, ms since the epoch. */
async function storedAt({ path }: Home): Promise<number> {
  return (await stat(join(path, "dso", "vault.enc"))).mtimeMs;
}

function byCommand({ home, dso }: Setting, image: string): Promise<Side> {
  const secret = "bench/v";
  const change: Side["change"] = async (version, environment = {}) => {
    await home.run(dso, ["secret", "set", secret], { input: version, environment });
    return storedAt(home);
  };
  return ours({ home, dso, rounds: 0 }, image, { name: "dso secret set", secret, change });
}

/** The agent hears of a version that somebody else has stored; it does not wait for quiet here. */
async function byAgent(setting: Setting, image: string): Promise<Side & AsyncDisposable> {
  const { home, dso } = setting;
  const secret = "agent/v";
  const set = (version: string, ...more: string[]) =>
    home.run(dso, ["secret", "set", ...more, secret], { input: version });
  const side = await ours(setting, image, { name: "dso agent", secret, change: (v0) => set(v0) });
  const agent = await startAgent(home, side.project, { debounce: "0s" });
  const change: Side["change"] = async (version) => {
    await set(version, "--no-apply");
    const stored = await storedAt(home);
    await agent.said("Rotation completed");
    return stored;
  };
  return { ...side, change, [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose]() };
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
  return { name, project, change, times: [], whole: [], failed: 0, sent: 0 };
}

export async function measureRotation(setting: Setting): Promise<Row[]> {
  const image = await ensureTestImage("http");
  const baseline = await theirs(setting, image);
  const command = await byCommand(setting, image);
  for (let round = 1; round <= Math.ceil(setting.rounds / 2); round++) {
    await timedRound(setting.home, baseline, `v${round}`);
    await timedRound(setting.home, command, `v${round}`);
  }
  const sides = [baseline, command] as const;
  const phases = new Map<Side, Phases[]>(sides.map((side) => [side, []]));
  for (let round = 1; round <= TRACED; round++) {
    for (const [side, all] of phases) all.push(await tracedRound(setting.home, side, `t${round}`));
  }
  return [...rowsOf(sides, phases), ...(await measureAgent(setting, image))];
}

/** In rounds of its own: where an agent runs, it rotates for the command, too. */
async function measureAgent(setting: Setting, image: string): Promise<Row[]> {
  const baseline = await theirs(setting, image);
  await using agent = await byAgent(setting, image);
  for (let round = 1; round <= Math.ceil(setting.rounds / 2); round++) {
    await timedRound(setting.home, baseline, `v${round}`);
    await timedRound(setting.home, agent, `v${round}`);
  }
  return [untilHeard(agent, baseline), lostRow(agent, baseline)];
}

function rowsOf(
  [baseline, own]: readonly [Side, Side],
  phases: ReadonlyMap<Side, readonly Phases[]>,
): Row[] {
  const parts = phaseRows(phases.get(own) ?? [], phases.get(baseline) ?? [], baseline.name);
  const whole = { name: `${own.name}: from its start until heard`, times: own.whole };
  const theirs = { name: baseline.name, times: baseline.whole };
  return [untilHeard(own, baseline), ratioRow(whole, theirs), ...parts, lostRow(own, baseline)];
}

/** The change is when the vault has it: that is where an agent, too, begins. */
function untilHeard(side: Side, baseline: Side): Row {
  return ratioRow({ ...side, name: `${side.name}: from the change until heard` }, baseline, 1);
}

function lostRow(side: Side, baseline: Side): Row {
  const lost = ({ failed, sent }: Side): string => `${failed} of ${sent}`;
  return {
    figure: `${side.name}: requests failed, 200 a second`,
    value: `${lost(side)}; with ${baseline.name}: ${lost(baseline)}`,
    budget: "0",
    ok: side.failed === 0,
  };
}
