/** A server that a test starts and ends: on a free port, with a directory of its own, its words kept. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  /** All that it has said. */
  readonly output: () => string;
}

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** The whole of its environment, besides PATH. */
  readonly environment: Readonly<Record<string, string>>;
  /** Asked until it answers true. */
  readonly isReady: (output: string) => Promise<boolean>;
  /** Whoever runs it, if not we. */
  readonly uid?: number;
  readonly gid?: number;
}

const PATIENCE_MS = 100_000;

export async function startServer({
  program,
  args,
  environment,
  isReady,
  uid,
  gid,
}: ServerCommand): Promise<ServerProcess> {
  const env = { PATH: process.env["PATH"] ?? "", ...environment };
  const who = { ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) };
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], ...who });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => said.push(data));
  const output = (): string => Buffer.concat(said).toString();
  const failed = once(child, "error").then(([error]) => {
    throw error;
  });
  const until = AbortSignal.timeout(PATIENCE_MS);
  const ready = async (): Promise<void> => {
    while (!(await isReady(output()).catch(() => false))) {
      if (child.exitCode !== null || until.aborted) throw new Error(`${program}: ${output()}`);
      await sleep(50);
    }
  };
  try {
    await Promise.race([ready(), failed]);
  } catch (error) {
    await end(child);
    throw error;
  }
  failed.catch(() => undefined);
  return { pid: child.pid!, output, [Symbol.asyncDispose]: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const killed = setTimeout(() => child.kill("SIGKILL"), 5000);
  await ended;
  clearTimeout(killed);
}

/**
 * Two that follow each other: some servers take the next one, too. None that the kernel gives to whoever
 * connects to somebody, or asks for any.
 */
export async function freePorts(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
