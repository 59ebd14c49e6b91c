/** A request loop that runs beside what a test does. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT, type Home } from "./cli.ts";
import type { Loop } from "./requestLoop.ts";

export interface RunningLoop {
  /** Ends it and answers what it counted. */
  stop(): Promise<Loop>;
}

/** More than one process sends, with a new connection each, would be a measure of that process. */
const MOST_PER_PROCESS = 250;

/**
 * From within the network of the container, which the engine's name server serves. A higher rate is
 * shared by several processes, and counted as one.
 */
export async function startLoop(
  home: Home,
  container: string,
  name: string,
  port: string,
  perSecond: string,
  ...mode: readonly string[]
): Promise<RunningLoop> {
  const format = ["inspect", "--format", "{{.State.Pid}}", container];
  const pid = (await home.run("docker", format)).stdout.trim();
  const processes = Math.ceil(Number(perSecond) / MOST_PER_PROCESS);
  const each = String(Number(perSecond) / processes);
  const loops = Array.from({ length: processes }, () =>
    startProcess(pid, [name, port, each, ...mode]),
  );
  return { stop: async () => merge(await Promise.all(loops.map((loop) => loop.stop()))) };
}

function startProcess(pid: string, args: readonly string[]): RunningLoop {
  const script = join(ROOT, "test/e2e/requestLoop.ts");
  const inNetwork = ["--target", pid, "--net", process.execPath, script, ...args];
  const child = spawn("nsenter", inNetwork, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  return {
    async stop() {
      child.kill("SIGTERM");
      await ended;
      return JSON.parse(text) as Loop;
    },
  };
}

type Counts = Readonly<Record<string, number>>;

/** The longest gap is that of one process: all of them together had none longer. */
function merge(loops: readonly Loop[]): Loop {
  const together = (pick: (loop: Loop) => Counts, join: (a: number, b: number) => number) => {
    const joined: Record<string, number> = {};
    for (const [key, value] of loops.flatMap((loop) => Object.entries(pick(loop)))) {
      joined[key] = joined[key] === undefined ? value : join(joined[key], value);
    }
    return joined;
  };
  const sum = (a: number, b: number): number => a + b;
  const firstAt = together((loop) => loop.firstAt, Math.min);
  const lastAt = together((loop) => loop.lastAt, Math.max);
  const heard = together((loop) => loop.heard, sum);
  const inOrder = Object.keys(heard).sort((a, b) => (firstAt[a] ?? 0) - (firstAt[b] ?? 0));
  const latest = Math.max(...Object.values(lastAt));
  const last = Object.keys(lastAt).find((key) => lastAt[key] === latest) ?? "";
  return {
    sent: loops.reduce((total, { sent }) => total + sent, 0),
    failed: together((loop) => loop.failed, sum),
    heard: Object.fromEntries(inOrder.map((key) => [key, heard[key] ?? 0])),
    firstAt,
    lastAt,
    last,
    slowestMs: Math.max(...loops.map(({ slowestMs }) => slowestMs)),
    longestGapMs: Math.max(...loops.map(({ longestGapMs }) => longestGapMs)),
  };
}
