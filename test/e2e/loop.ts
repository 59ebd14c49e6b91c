/** A request loop that runs beside what a test does. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT, type Home } from "./cli.ts";
import { ensureTestImage, HOST } from "./image.ts";
import type { Loop } from "./requestLoop.ts";

export interface RunningLoop {
  /** Ends it and answers what it counted. */
  stop(): Promise<Loop>;
}

/** More than one process sends, with a new connection each, would be a measure of that process. */
const MOST_PER_PROCESS = 250;

/**
 * From containers in the network of this one, which the engine's name server serves; answers when all
 * of them ask. A higher rate is shared by several, and counted as one. On the host itself they would
 * each have as much of the processors as all containers together, and starve what they ask.
 */
export async function startLoop(
  home: Home,
  container: string,
  name: string,
  port: string,
  perSecond: string,
  ...mode: readonly string[]
): Promise<RunningLoop> {
  const image = await ensureTestImage("base");
  const where = ["--network", `container:${container}`, "--volume", HOST, image];
  const count = Math.ceil(Number(perSecond) / MOST_PER_PROCESS);
  const each = String(Number(perSecond) / count);
  const script = join(ROOT, "test/e2e/requestLoop.ts");
  const asked = ["chroot", "/host", process.execPath, script, name, port, each, ...mode];
  const loops = Array.from({ length: count }, () =>
    startContainer(home, ["run", "--rm", ...where, ...asked]),
  );
  await Promise.all(loops.map(({ asking }) => asking));
  return { stop: async () => merge(await Promise.all(loops.map((loop) => loop.stop()))) };
}

/** The engine's client passes signals on. */
function startContainer(
  { environment }: Home,
  args: readonly string[],
): RunningLoop & { readonly asking: Promise<void> } {
  const child = spawn("docker", args, { env: environment, stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { done, value } = await lines.next();
    if (done === true) throw new Error("the request loop ended early");
    return value;
  };
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  return {
    asking: next().then(() => undefined),
    async stop() {
      child.kill("SIGTERM");
      const counted = JSON.parse(await next()) as Loop;
      await ended;
      return counted;
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
