/** What a program asks of the engine, counted by a proxy in between. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { Runner } from "./race.ts";

export interface EngineCalls {
  readonly lists: number;
  readonly inspects: number;
  /** Everything else: the version, the engine's own facts. */
  readonly others: number;
}

/** Milliseconds since the epoch. */
export interface TimedCall {
  readonly method: string;
  readonly path: string;
  readonly from: number;
  /** Undefined while it lasts. */
  to: number | undefined;
}

export interface CallTrace extends AsyncDisposable {
  /** What DOCKER_HOST is to be. */
  readonly host: string;
  readonly calls: readonly TimedCall[];
}

const LIST = /\/(containers\/json|networks|volumes|images\/json)$/;
const INSPECT = /\/(containers|networks|volumes|images)\/.+/;

/** Listens at `socket` and passes everything on to the engine, writing down what was asked when. */
export async function traceCalls(
  environment: Runner["environment"],
  socket: string,
): Promise<CallTrace> {
  const calls: TimedCall[] = [];
  const socketPath = engineSocket(environment);
  const proxy = createServer((incoming, answer) => {
    const { url: path = "/", method = "GET", headers } = incoming;
    const { pathname } = new URL(path, "http://engine");
    const call: TimedCall = { method, path: pathname, from: Date.now(), to: undefined };
    calls.push(call);
    const outgoing = request({ socketPath, path, method, headers });
    outgoing.on("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
      response.on("end", () => (call.to = Date.now()));
    });
    outgoing.on("error", () => answer.destroy());
    incoming.pipe(outgoing);
  });
  await once(proxy.listen(socket), "listening");
  return {
    host: `unix://${socket}`,
    calls,
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

/** Runs it once, with the proxy's socket at `socket`. */
export async function countEngineCalls(runner: Runner, socket: string): Promise<EngineCalls> {
  await using trace = await traceCalls(runner.environment, socket);
  await runThrough(runner, trace.host);
  const paths = trace.calls.map(({ path }) => path);
  const lists = paths.filter((path) => LIST.test(path)).length;
  const inspects = paths.filter((path) => !LIST.test(path) && INSPECT.test(path)).length;
  return { lists, inspects, others: paths.length - lists - inspects };
}

function engineSocket(environment: Runner["environment"]): string {
  const host = environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
  if (!host.startsWith("unix://")) throw new Error(`calls to ${host} cannot be counted here`);
  return host.slice("unix://".length);
}

async function runThrough({ name, argv, cwd, environment }: Runner, host: string): Promise<void> {
  const [program, ...args] = argv;
  const env = { ...environment, DOCKER_HOST: host };
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "ignore", "inherit"] });
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) throw new Error(`"${name}" ended with ${status} behind the proxy`);
}
