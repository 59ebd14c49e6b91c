/** Between DSO and the engine: kills DSO at one call that changes something. */
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { temporaryDirectory } from "../fixtures/temporary.ts";

export interface Killer extends AsyncDisposable {
  /** What DOCKER_HOST is to be. */
  readonly host: string;
  /** `METHOD /path` of each changing call since the last `arm`. */
  readonly calls: readonly string[];
  /** Kills at the changing call `number` (from 1): before it is passed on, or once the engine answered. */
  arm(number: number, when: "before" | "after", kill: () => void): void;
}

/** Reads pass; what is killed gets no answer, as if the machine had gone. */
export async function createKiller(engine: string): Promise<Killer> {
  const directory = await temporaryDirectory();
  const path = join(directory.path, "engine.sock");
  const calls: string[] = [];
  let armed: { number: number; when: "before" | "after"; kill: () => void } | undefined;
  const server = createServer((incoming, outgoing) => {
    const changes = incoming.method !== "GET" && incoming.method !== "HEAD";
    if (changes) calls.push(`${incoming.method ?? ""} ${incoming.url ?? ""}`);
    const due = changes && armed?.number === calls.length ? armed : undefined;
    if (due?.when === "before") {
      due.kill();
      outgoing.destroy();
      return;
    }
    pass(engine, incoming, outgoing, () => {
      due?.kill();
      return due === undefined;
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    host: `unix://${path}`,
    calls,
    arm: (number, when, kill) => {
      calls.length = 0;
      armed = { number, when, kill };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Passes the call on; the answer goes back only if `answered` says so. */
function pass(
  engine: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answered: () => boolean,
): void {
  const { method, url, headers } = incoming;
  const options = { socketPath: engine.replace("unix://", ""), method, path: url, headers };
  const asked = request(options, (answer) => {
    if (!answered()) {
      answer.destroy();
      outgoing.destroy();
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  });
  asked.on("error", () => outgoing.destroy());
  incoming.pipe(asked);
}
