/** One run of a plugin: from a verified copy that speaks our protocol to its end. */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { DsoError } from "../../model/errors.ts";
import { Secret } from "../../model/secret.ts";
import { type Calls, createCalls } from "./calls.ts";
import { type Child, startChild } from "./child.ts";
import type * as protocol from "./generated/protocol.js";
import { broken, faultOf } from "./faults.ts";
import { readLines } from "./lines.ts";
import { makePlace, type Place } from "./place.ts";
import { copyVerified, type Installed } from "./program.ts";
import { createWords, type Scrub, type Words } from "./words.ts";

export interface SessionOptions extends Installed {
  /** Its copy is run from below it. Absolute. */
  readonly copies: string;
  /** JSON, as dso.yaml has it. */
  readonly config: Secret;
  /** All that it sees of the environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly scrub: Scrub;
  readonly timeoutMs: number;
  /** The longest line that it may say. */
  readonly maxBytes: number;
}

export interface Session {
  /** Rejects with `provider-unreachable`, or with the signal's reason. */
  readonly call: Calls["call"];
  /** What is wrong with a result, if anything is. */
  readonly faultIn: (method: "versions" | "read", result: unknown) => string | undefined;
  readonly words: Words;
  /** It tells changes by itself. */
  readonly watches: boolean;
  /** Resolves with why it is of no more use. */
  readonly ended: Promise<DsoError>;
  /** Asks it to end, and sees to it. */
  close(): Promise<void>;
}

const PROTOCOL = 1;
/** Shorter texts of the configuration stand in every sentence, and are no credentials. */
const SHORTEST = 4;
const NEVER = new AbortController().signal;

/**
 * Rejects with `config-invalid` where the program is not what was registered, or speaks another protocol, and
 * with `provider-unreachable` where it cannot be started. The signal is for the start alone.
 */
export async function startSession(
  options: SessionOptions,
  changed: (path: string) => void,
  signal: AbortSignal,
): Promise<Session> {
  const { provider } = options;
  const schema = await import("./generated/protocol.js");
  const { child, place } = await startCopy(options).catch((error: unknown) => {
    throw startFault(provider, error);
  });
  const running = talkTo(child, options, schema, changed);
  const gone = child.ended.then(() => place.remove());
  try {
    return {
      ...(await initialize(running, options, schema, signal)),
      close: () => close(running, child, gone),
    };
  } catch (error) {
    child.kill();
    await gone;
    throw error;
  }
}

async function startCopy(
  options: SessionOptions,
): Promise<{ readonly child: Child; readonly place: Place }> {
  const { provider, environment } = options;
  const place = makePlace(provider, options.copies);
  try {
    const program = join(place.path, "plugin");
    await copyVerified(options, program);
    const child = await startChild({ program, directory: place.path, environment });
    if ("ended" in child) return { child, place };
    throw notStarted(provider, child.what, child.hint);
  } catch (error) {
    place.remove();
    throw error;
  }
}

/** An error of the system, of which there are many (no room for a process, no more files), passes as a rule. */
function startFault(provider: string, error: unknown): unknown {
  const isOfSystem = error instanceof Error && "syscall" in error && "code" in error;
  if (!isOfSystem) return error;
  const hint = "What runs keeps what it has. It is started again when it is asked again.";
  return notStarted(provider, `the system answers ${String(error.code)}`, hint);
}

function notStarted(provider: string, what: string, hint: string): DsoError {
  const message = `provider "${provider}": its plugin cannot be started: ${what}`;
  return new DsoError("provider-unreachable", message, { hint });
}

type Schema = typeof protocol;
type Running = Omit<Session, "watches" | "close">;

function talkTo(
  child: Child,
  { provider, config, environment, scrub, timeoutMs, maxBytes }: SessionOptions,
  schema: Schema,
  changed: (path: string) => void,
): Running {
  const words = createWords(scrub);
  const texts = [...textsIn(config), ...Object.values(environment)];
  words.learn([config, ...texts.filter(({ length }) => length >= SHORTEST).map(secretOf)]);
  words.listen(child.error);
  const over = Promise.withResolvers<DsoError>();
  const end = (what: string): void => {
    const error = broken(provider, what, words.last());
    calls.end(error);
    over.resolve(error);
    child.kill();
  };
  const busy = (): DsoError => broken(provider, `has been busy for ${timeoutMs / 1000} s`, "");
  const calls = createCalls({
    send: (line) => void child.input.write(`${line}\n`),
    ...{ broken: end, isMessage: schema.fromPlugin, changed, busy, timeoutMs },
  });
  const left = readLines(child.output, maxBytes, {
    line: calls.receive,
    tooLong: () => end(`said more than ${maxBytes} bytes in one line`),
  });
  void child.ended.then((how) => {
    end(left() > 0 ? `${how} in the middle of a message` : how);
    words.drop();
  });
  const faultIn: Session["faultIn"] = (method, result) => {
    const validate = method === "read" ? schema.readResult : schema.versionsResult;
    if (validate(result)) return undefined;
    const [fault] = validate.errors ?? [];
    return words.clean(`${fault?.instancePath ?? ""} ${fault?.message ?? ""}`);
  };
  return { call: calls.call, faultIn, words, ended: over.promise };
}

async function initialize(
  running: Running,
  { provider, config }: SessionOptions,
  { initializeResult }: Schema,
  signal: AbortSignal,
): Promise<Omit<Session, "close">> {
  const params = {
    ...{ protocol: PROTOCOL, name: provider },
    config: JSON.parse(config.reveal().toString()) as unknown,
  };
  const reply = await running.call("initialize", params, signal);
  if ("error" in reply) throw faultOf(reply.error, { provider, clean: running.words.clean });
  if (!initializeResult(reply.result)) {
    throw broken(provider, `answers "initialize" with something else`, "");
  }
  const { protocol, watch = false } = reply.result as { protocol: number; watch?: boolean };
  if (protocol === PROTOCOL) return { ...running, watches: watch };
  throw new DsoError(
    "config-invalid",
    `provider "${provider}": its plugin speaks version ${protocol} of the protocol, and this DSO version ${PROTOCOL}`,
    { hint: "Install versions of the two that go together." },
  );
}

/** It may take its time, but not for ever. */
async function close(running: Running, child: Child, gone: Promise<void>): Promise<void> {
  running.call("shutdown", undefined, NEVER).catch(() => undefined);
  await child.stop();
  await gone;
}

/** Every text and number of it may be a credential, as only the plugin knows: but for places of this machine. */
function textsIn(config: Secret): readonly string[] {
  const texts: string[] = [];
  JSON.parse(config.reveal().toString(), (_, value: unknown) => {
    if (typeof value === "string" || typeof value === "number") texts.push(String(value));
    return value;
  });
  return texts.filter((text) => !isPlace(text));
}

/** A path is what an error is about, as a rule; a credential that looks like one leads nowhere. */
function isPlace(text: string): boolean {
  const above = dirname(text);
  return isAbsolute(text) && above !== "/" && existsSync(above);
}

function secretOf(text: string): Secret {
  return new Secret(Buffer.from(text));
}
