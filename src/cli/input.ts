/** What people and pipes tell us: a yes, a hidden value, a whole file. */
import { on } from "node:events";
import { DsoError } from "../model/errors.ts";
import { Secret } from "../model/secret.ts";
import { isInteractive, type Session } from "./session.ts";

const [CTRL_C, CTRL_D, NEWLINE, ENTER, CTRL_U] = [0x03, 0x04, 0x0a, 0x0d, 0x15] as const;
const RUBOUTS: ReadonlySet<number> = new Set([0x08, 0x7f]);

/** More than any secret or compose file may have. */
const MAX_INPUT_BYTES = 16 * 1024 * 1024;

/** Everything that standard input has, until it ends. Rejects with `usage` when that is too much. */
export async function readAll(session: Session): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of chunks(session)) {
    size += part.length;
    if (size > MAX_INPUT_BYTES) {
      throw new DsoError("usage", `Standard input has more than ${MAX_INPUT_BYTES} bytes.`, {
        hint: "Look whether it is what you mean to give.",
      });
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** A secret from a pipe. */
export async function readSecret(session: Session): Promise<Secret> {
  return withoutNewline(await readAll(session));
}

/** All of it but for one newline at the end, which `echo` and editors add. Overwrites `bytes`. */
export function withoutNewline(bytes: Buffer): Secret {
  const newline = bytes.at(-1) !== NEWLINE ? 0 : bytes.at(-2) === ENTER ? 2 : 1;
  const value = Buffer.from(bytes.subarray(0, bytes.length - newline));
  bytes.fill(0);
  return new Secret(value);
}

/** One line of a person's answer; undefined when the input ended instead. */
async function ask(session: Session, question: string): Promise<string | undefined> {
  session.error.write(question);
  const typed: Buffer[] = [];
  for await (const part of chunks(session)) {
    typed.push(part);
    if (part.includes(NEWLINE)) {
      return Buffer.concat(typed).toString("utf8").split(/\r?\n/)[0];
    }
  }
  return undefined;
}

/** Whether the person typed `yes`, and nothing else will do. Only for who can be asked. */
export async function approves(session: Session, question: string): Promise<boolean> {
  return (await ask(session, question))?.trim() === "yes";
}

/** A value that is not echoed. Rejects with `usage` and the hint where nobody can be asked. */
export async function askHidden(
  session: Session,
  question: string,
  hint = 'Pipe the value in: printf %s "$VALUE" | dso secret set NAME -',
): Promise<Secret> {
  const { input } = session;
  if (!isInteractive(session) || input.setRawMode === undefined) {
    throw new DsoError("usage", "There is no terminal to ask for the value.", { hint });
  }
  session.error.write(question);
  input.setRawMode(true);
  try {
    return await readHidden(session);
  } finally {
    input.setRawMode(false);
    session.error.write("\n");
  }
}

async function readHidden(session: Session): Promise<Secret> {
  const typed: number[] = [];
  for await (const part of chunks(session)) {
    for (const byte of part) {
      if (byte === ENTER || byte === NEWLINE) return take(typed);
      if (byte === CTRL_C) throw new DsoError("aborted", "Interrupted; nothing was stored.");
      if (byte === CTRL_D && typed.length > 0) return take(typed);
      if (byte === CTRL_U) typed.length = 0;
      else if (RUBOUTS.has(byte)) eraseLast(typed);
      else if (byte !== CTRL_D) typed.push(byte);
    }
  }
  return take(typed);
}

/** A character may be several bytes: all that continue one go with the one they continue. */
function eraseLast(typed: number[]): void {
  for (let byte = typed.pop(); byte !== undefined; byte = typed.pop()) {
    if ((byte & 0b1100_0000) !== 0b1000_0000) return;
  }
}

function take(typed: number[]): Secret {
  const value = Buffer.from(typed);
  typed.fill(0);
  return new Secret(value);
}

async function* chunks({ input, signal }: Session): AsyncGenerator<Buffer> {
  try {
    const events = on(input, "data", { signal, close: ["end", "close"] });
    for await (const [chunk] of events as AsyncIterable<readonly [Buffer | string]>) {
      yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    }
  } finally {
    input.pause();
  }
}
