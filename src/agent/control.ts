/** The agent's socket: what people ask of it, as HTTP with JSON on a socket of the file system. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { ensurePrivateDirectory, explainDisk } from "../lib/files.ts";
import { DsoError, type ErrorCode } from "../model/errors.ts";
import type { Version } from "../model/version.ts";
import type { ValueUsage } from "../providers/cache/values.ts";
import type { Outcome } from "../reconciler/pace.ts";
import type { Log, LogRecord } from "./log.ts";

/** What a pass over one project came to. */
export interface Reconciled {
  readonly outcome: Outcome;
  readonly summary: string;
  readonly code?: ErrorCode;
  readonly hint?: string;
  /** What was left as it is, and why; a line each. */
  readonly left: readonly string[];
}

export interface AgentStatus {
  readonly pid: number;
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** Undefined while the engine answers; else why it does not. */
  readonly engineError?: string;
  /** The stores that it asks over a network or a process, once they are used; sorted by name. */
  readonly providers: readonly StoreStatus[];
  /** What is wrong with stores that issue credentials for a time, as of the last look; sorted by name. */
  readonly leases?: readonly {
    readonly provider: string;
    readonly code: ErrorCode;
    readonly message: string;
  }[];
  /** Values in its memory. */
  readonly cache: ValueUsage;
  readonly projects: readonly {
    readonly name: string;
    /** dso.yaml names it. */
    readonly declared: boolean;
    /** Of the last pass; absent before the first. */
    readonly last?: Reconciled & { readonly at: string };
    /** Milliseconds until the next look that is planned; 0: it is at work. */
    readonly dueInMs?: number;
  }[];
}

/** How it goes between the agent and one store. Times in ISO 8601, UTC. */
export interface StoreStatus {
  readonly name: string;
  /** When the store last answered; absent: it never has. */
  readonly answeredAt?: string;
  /** Why it is of no use now. Meanwhile what it said last holds. */
  readonly trouble?: { readonly since: string; readonly code: ErrorCode; readonly message: string };
  /** Sorted by path. */
  readonly secrets: readonly {
    readonly path: string;
    readonly version?: Version;
    /** When the store said so. */
    readonly at: string;
    /** What it says of the secret now instead of a version. */
    readonly error?: { readonly code: ErrorCode; readonly message: string };
  }[];
}

/** What the socket offers. Rejects with `usage` for a project that nobody looks after. */
export interface Controls {
  status(): Promise<AgentStatus>;
  /** `tell` hears what the agent says of the project meanwhile; `again`: what failed is tried once more. */
  reconcile(project: string, again: boolean, tell: Log): Promise<Reconciled>;
  /** Answers whether the agent is at work on it, and so finishes that first. */
  hold(project: string, who: string, why: string): Promise<{ readonly busy: boolean }>;
  resume(project: string): Promise<void>;
}

/** The last line of an answer. */
export type Answer =
  | { readonly done: unknown }
  | {
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly hint?: string;
      };
    };
/** A line before it. */
export interface Told {
  readonly told: LogRecord;
}

const LONGEST_BODY = 64 * 1024;
/** The kernel's limit for a socket's path. */
const LONGEST_PATH = 107;

/**
 * Listens until closed. The directory is the user's alone. Rejects with `config-invalid` where the path
 * is too long for a socket. Wants the agent's lock: a socket that is there is nobody's.
 */
export async function serveControls(
  path: string,
  controls: Controls,
): Promise<{ close(): Promise<void> }> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new DsoError("config-invalid", `${path} is too long for a socket`, {
      hint: `Choose a $DSO_HOME so short that it has at most ${LONGEST_PATH} bytes.`,
    });
  }
  ensurePrivateDirectory(dirname(path));
  rmSync(path, { force: true });
  const server = createServer((request, response) => void answer(controls, request, response));
  try {
    server.listen(path);
    await once(server, "listening");
  } catch (error) {
    throw explainDisk(path, error);
  }
  server.on("error", () => undefined);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  controls: Controls,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.on("error", () => undefined);
  const write = (line: Told | Answer): void => void response.write(`${JSON.stringify(line)}\n`);
  try {
    const body = await readBody(request);
    response.writeHead(200, { "Content-Type": "application/x-ndjson" });
    const route = `${request.method ?? ""} ${request.url ?? ""}`;
    write({ done: (await dispatch(controls, route, body, (told) => write({ told }))) ?? null });
  } catch (error) {
    write({ error: describe(error) });
  }
  response.end();
}

async function dispatch(
  controls: Controls,
  route: string,
  body: Readonly<Record<string, unknown>>,
  tell: Log,
): Promise<unknown> {
  if (route === "GET /v1/status") return controls.status();
  const [, name, verb] = /^POST \/v1\/projects\/([a-z0-9_-]+)\/(\w+)$/.exec(route) ?? [];
  const text = (key: string): string => (typeof body[key] === "string" ? body[key] : "");
  if (name !== undefined && verb === "reconcile") {
    return controls.reconcile(name, body["again"] === true, tell);
  }
  if (name !== undefined && verb === "hold") return controls.hold(name, text("who"), text("why"));
  if (name !== undefined && verb === "resume") return controls.resume(name);
  throw new DsoError("usage", `The agent does not know: ${route}.`, {
    hint: "It may be of another version: restart it.",
  });
}

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  let text = "";
  for await (const chunk of request as AsyncIterable<Buffer>) {
    text += chunk.toString("utf8");
    if (text.length > LONGEST_BODY) throw new DsoError("usage", "That is too long for the agent.");
  }
  if (text === "") return {};
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
}

function describe(error: unknown): Extract<Answer, { error: unknown }>["error"] {
  if (!(error instanceof DsoError)) {
    return { code: "internal", message: error instanceof Error ? error.message : String(error) };
  }
  const { code, message, hint } = error;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}
