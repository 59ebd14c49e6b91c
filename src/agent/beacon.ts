/** One agent per engine, whoever runs it and wherever it keeps its state. */
import { connect, createServer, type Server } from "node:net";
import { DsoError, hasCode } from "../model/errors.ts";

export interface Keeper {
  /** `user@host (pid 12)` */
  readonly who: string;
  /** `$DSO_HOME` of that agent. */
  readonly home: string;
}

export interface Claim {
  release(): Promise<void>;
}

/** It is refused anyway, so that it may as well wait for the name of who is busy. */
const ANSWER_MS = 5000;
const LONGEST = 4096;

/**
 * Claims the engine by a name that the kernel keeps for as long as this process lives, and no longer:
 * nothing is left behind by one that is killed. Rejects with `locked`, naming who has it.
 */
export async function claimEngine(engineId: string, self: Keeper): Promise<Claim> {
  // No file: a name of this host's network, which any user can ask.
  const name = `\0dso-agent:${engineId}`;
  const server = createServer((caller) => {
    caller.on("error", () => undefined);
    // Whoever does not hang up is hung up on.
    caller.end(JSON.stringify(self), () => caller.destroy());
  });
  try {
    await listening(server, name);
  } catch (error) {
    if (!hasCode(error, "EADDRINUSE")) throw error;
    throw taken(await ask(name));
  }
  server.on("error", () => undefined);
  server.unref();
  return {
    release: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function listening(server: Server, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(name, resolve);
  });
}

/** Undefined where nobody says anything that makes sense. */
function ask(name: string): Promise<Keeper | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(name);
    const end = (): void => {
      socket.destroy();
      resolve(parse(text));
    };
    socket.setTimeout(ANSWER_MS, end);
    socket.on("data", (data) => {
      text += data.toString();
      if (text.length > LONGEST) end();
    });
    socket.once("end", end);
    socket.once("error", end);
  });
}

function parse(text: string): Keeper | undefined {
  try {
    const { who, home } = JSON.parse(text) as Partial<Record<keyof Keeper, unknown>>;
    return typeof who === "string" && typeof home === "string" ? { who, home } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function taken(keeper: Keeper | undefined): DsoError {
  const who =
    keeper === undefined
      ? "an agent that does not answer"
      : `the agent of ${keeper.who}, whose DSO_HOME is ${keeper.home},`;
  return new DsoError("locked", `${who} looks after this engine already`, {
    hint: "One agent per engine: stop that one first, or leave this to it.",
  });
}
