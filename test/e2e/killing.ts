/** Between DSO and the engine: kills DSO at one call that changes something. */
import {
  type ClientRequest,
  createServer,
  request,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { temporaryDirectory } from "../fixtures/temporary.ts";

export interface Killer extends AsyncDisposable {
  /** What DOCKER_HOST is to be. */
  readonly host: string;
  /** `METHOD /path` of each changing call since the last `arm`. */
  readonly calls: readonly string[];
  /**
   * Kills at the changing call `which` (its number from 1, or what it looks like): before it is
   * passed on, while the engine works on it, or once the engine answered.
   */
  arm(which: number | RegExp, when: When, kill: () => void): void;
  /** Kills nobody any more, and keeps the next changing call from the engine until it is released. */
  hold(): Held;
}

export interface Held {
  /** The call has come. */
  readonly reached: Promise<unknown>;
  readonly release: () => void;
}

type When = "before" | "during" | "after";

/** Reads pass; what is killed gets no answer, as if the machine had gone. */
export async function createKiller(engine: string): Promise<Killer> {
  const directory = await temporaryDirectory();
  const path = join(directory.path, "engine.sock");
  const calls: string[] = [];
  let armed: { which: number | RegExp; when: When; kill: () => void } | undefined;
  let holding: { readonly come: () => void; readonly released: Promise<unknown> } | undefined;
  const isDue = (call: string): boolean =>
    armed?.which instanceof RegExp ? armed.which.test(call) : armed?.which === calls.length;
  const server = createServer((incoming, outgoing) => {
    const call = `${incoming.method ?? ""} ${incoming.url ?? ""}`;
    // What is run or waited for again and again is no step, and nobody knows how often it is.
    const changes = !/^(GET|HEAD) |\/exec(\/|$)|\/wait(\?|$)/.test(call);
    if (changes) calls.push(call);
    if (changes && holding !== undefined) {
      const { come, released } = holding;
      holding = undefined;
      come();
      void released.then(() => pass(engine, incoming, outgoing, () => true));
      return;
    }
    const due = changes && isDue(call) ? armed : undefined;
    if (due?.when === "before") {
      due.kill();
      outgoing.destroy();
      return;
    }
    const asked = pass(engine, incoming, outgoing, () => {
      due?.kill();
      return due === undefined;
    });
    if (due?.when === "during") asked.once("finish", due.kill);
  });
  // A command within a container has a connection of its own, both ways.
  server.on("upgrade", (incoming, socket: Socket, sent) => {
    passUpgrade(engine, incoming, socket, sent);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    host: `unix://${path}`,
    calls,
    arm: (which, when, kill) => {
      calls.length = 0;
      armed = { which, when, kill };
    },
    hold: () => {
      const [reached, released] = [Promise.withResolvers(), Promise.withResolvers()];
      armed = undefined;
      holding = { come: () => reached.resolve(undefined), released: released.promise };
      return { reached: reached.promise, release: () => released.resolve(undefined) };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await directory[Symbol.asyncDispose]();
    },
  };
}

function passUpgrade(
  engine: string,
  incoming: IncomingMessage,
  socket: Socket,
  sent: Buffer,
): void {
  const { method, url, headers } = incoming;
  const options = { socketPath: engine.replace("unix://", ""), method, path: url, headers };
  const asked = request(options);
  asked.on("error", () => socket.destroy());
  asked.on("upgrade", (answer, onward, head) => {
    const lines = Object.entries(answer.headers).map(
      ([name, value]) => `${name}: ${String(value)}`,
    );
    socket.write(["HTTP/1.1 101 UPGRADED", ...lines, "", ""].join("\r\n"));
    socket.write(head);
    for (const end of [socket, onward]) {
      end.on("error", () => undefined);
      end.on("close", () => {
        socket.destroy();
        onward.destroy();
      });
    }
    onward.pipe(socket).pipe(onward);
  });
  const length = Number(headers["content-length"] ?? 0);
  let body = Buffer.alloc(0);
  const take = (more: Buffer): void => {
    body = Buffer.concat([body, more]);
    if (body.length < length) return;
    socket.off("data", take);
    asked.end(body);
  };
  socket.on("data", take);
  take(sent);
}

/** Passes the call on; the answer goes back only if `answered` says so. */
function pass(
  engine: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answered: () => boolean,
): ClientRequest {
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
  return incoming.pipe(asked);
}
