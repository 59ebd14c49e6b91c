/** `dso agent` as a process, and a gate between it and the engine. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import type { Home, Project } from "./cli.ts";

export interface RunningAgent extends AsyncDisposable {
  readonly pid: number;
  /** The lines that it has written so far. */
  readonly log: () => readonly Said[];
  /** Ends it by this signal; answers its exit code, null where the signal ended it. */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<number | null>;
  /** Resolves once it has said so. */
  said(msg: string | RegExp): Promise<Said>;
}

export interface Said {
  readonly level: string;
  readonly msg: string;
  readonly ts: string;
  readonly [field: string]: unknown;
}

interface AgentSettings {
  readonly environment?: Readonly<Record<string, string>>;
  /** Nothing is waited for longer than a test needs. */
  readonly debounce?: string;
  readonly polling?: string;
  /** Entries of `providers:`. */
  readonly providers?: string;
}

/** Resolves when it looks after the projects of the home; each step is in its log. */
export async function startAgent(
  home: Home,
  project: Project,
  { environment = {}, debounce = "200ms", polling = "1h", providers = "" }: AgentSettings = {},
): Promise<RunningAgent> {
  const watch = `{ debounce_window: ${debounce}, polling_interval: ${polling} }`;
  await project.write("dso.yaml", `agent: { watch: ${watch} }\nproviders: { ${providers} }\n`);
  const env = { ...home.environment, DSO_LOG: "debug", ...environment };
  const child = spawn("dso", ["agent"], {
    cwd: project.dir,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const agent = follow(child);
  await agent.said("Engine connected");
  return agent;
}

function follow(child: ChildProcess): RunningAgent {
  const lines: Said[] = [];
  const waiting = new Set<() => void>();
  let [rest, errors] = ["", ""];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text));
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts.map((line) => JSON.parse(line) as Said));
    for (const look of waiting) look();
  });
  const ended = once(child, "close");
  let seen = 0;
  const said = (msg: string | RegExp): Promise<Said> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const index = lines.findIndex(({ msg: one }, at) => at >= seen && matches(one, msg));
        const found = lines[index];
        if (found === undefined) return;
        seen = index + 1;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      void ended.then(() => reject(new Error(`the agent ended: ${errors}`)));
      look();
    });
  const stop: RunningAgent["stop"] = async (signal) => {
    child.kill(signal);
    await ended;
    return child.exitCode;
  };
  return {
    ...{ pid: child.pid ?? 0, log: () => lines, stop, said },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await stop("SIGKILL");
    },
  };
}

function matches(text: string, wanted: string | RegExp): boolean {
  return typeof wanted === "string" ? text === wanted : wanted.test(text);
}

export interface Gate extends AsyncDisposable {
  /** What DOCKER_HOST is to be. */
  readonly host: string;
  /** Every connection ends, and no new one is taken. */
  shut(): Promise<void>;
  open(): Promise<void>;
}

export async function createGate(engine: string): Promise<Gate> {
  const directory = await temporaryDirectory();
  const path = `${directory.path}/engine.sock`;
  const sockets = new Set<Socket>();
  const server = createServer((caller) => {
    const onward = connect(engine.replace("unix://", ""));
    for (const socket of [caller, onward]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        caller.destroy();
        onward.destroy();
      });
    }
    caller.pipe(onward).pipe(caller);
  });
  const open = async (): Promise<void> => {
    server.listen(path);
    await once(server, "listening");
  };
  const shut = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await open();
  return {
    ...{ host: `unix://${path}`, open, shut },
    async [Symbol.asyncDispose]() {
      await shut();
      await directory[Symbol.asyncDispose]();
    },
  };
}
