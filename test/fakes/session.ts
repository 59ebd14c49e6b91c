import { PassThrough } from "node:stream";
import type { Output, Session } from "../../src/cli/session.ts";

export interface FakeSession extends Session {
  readonly written: Written;
  readonly keyboard: Keyboard;
}

interface Written {
  readonly output: () => string;
  readonly error: () => string;
}

interface Keyboard {
  /** What is typed or piped; all of it is there before it is asked for. */
  readonly type: (text: string | Buffer) => void;
  readonly end: () => void;
  /** Whether echo was off, each time that this was changed. */
  readonly raw: readonly boolean[];
}

export interface FakeSessionOptions {
  /** All three streams are a terminal. */
  readonly terminal?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  readonly connect?: Session["connect"];
}

/** A session whose streams are in memory. */
export function createFakeSession(options: FakeSessionOptions = {}): FakeSession {
  const { terminal = false, environment = {}, cwd = "/", connect } = options;
  const [output, error] = [createOutput(terminal), createOutput(terminal)];
  const stdin = new PassThrough();
  const raw: boolean[] = [];
  return {
    input: Object.assign(stdin, {
      isTTY: terminal,
      setRawMode: (on: boolean) => raw.push(on),
    }),
    output,
    error,
    environment,
    cwd,
    version: "4.0.0-test",
    signal: options.signal ?? new AbortController().signal,
    force: new AbortController().signal,
    unread: new AbortController().signal,
    watching: () => undefined,
    connect: connect ?? (() => Promise.reject(new Error("this test has no context"))),
    exitCode: 0,
    written: { output: output.text, error: error.text },
    keyboard: {
      type: (text) => void stdin.write(text),
      end: () => void stdin.end(),
      raw,
    },
  };
}

export function createOutput(terminal: boolean): Output & { readonly text: () => string } {
  const parts: string[] = [];
  return {
    isTTY: terminal,
    columns: 80,
    rows: 24,
    write: (data) => parts.push(typeof data === "string" ? data : Buffer.from(data).toString()),
    text: () => parts.join(""),
  };
}
