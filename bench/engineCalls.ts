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

const LIST = /\/(containers\/json|networks|volumes|images\/json)$/;
const INSPECT = /\/(containers|networks|volumes|images)\/.+/;

/** Runs it once, with the proxy's socket at `socket`. */
export async function countEngineCalls(runner: Runner, socket: string): Promise<EngineCalls> {
  const paths: string[] = [];
  const proxy = createServer((incoming, answer) => {
    const { url: path = "/", method, headers } = incoming;
    paths.push(new URL(path, "http://engine").pathname);
    const outgoing = request({ socketPath: engineSocket(runner), path, method, headers });
    outgoing.on("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.on("error", () => answer.destroy());
    incoming.pipe(outgoing);
  });
  await once(proxy.listen(socket), "listening");
  try {
    await runThrough(runner, socket);
  } finally {
    proxy.close();
    proxy.closeAllConnections();
  }
  const lists = paths.filter((path) => LIST.test(path)).length;
  const inspects = paths.filter((path) => !LIST.test(path) && INSPECT.test(path)).length;
  return { lists, inspects, others: paths.length - lists - inspects };
}

function engineSocket({ environment }: Runner): string {
  const host = environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
  if (!host.startsWith("unix://")) throw new Error(`calls to ${host} cannot be counted here`);
  return host.slice("unix://".length);
}

async function runThrough({ name, argv, cwd, environment }: Runner, socket: string): Promise<void> {
  const [program, ...args] = argv;
  const env = { ...environment, DOCKER_HOST: `unix://${socket}` };
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "ignore", "inherit"] });
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) throw new Error(`"${name}" ended with ${status} behind the proxy`);
}
