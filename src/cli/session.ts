import type { Context } from "../reconciler/context.ts";

/** What a command has of the process; tests make their own. */
export interface Session {
  readonly input: Input;
  readonly output: Output;
  readonly error: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly version: string;
  /** Aborted by the first Ctrl-C: finish the step and roll back. */
  readonly signal: AbortSignal;
  /** Aborted by the second: stop now, recover later. */
  readonly force: AbortSignal;
  /** Aborted when nobody reads the output any more; what changes something goes on. */
  readonly unread: AbortSignal;
  /** From here on something is only shown: an interrupt ends it, and there is no step to finish. */
  readonly watching: () => void;
  /** Nothing is opened or asked before something of the context is used. */
  readonly connect: (options: ConnectOptions) => Promise<Context>;
  /** 0: done, or nothing to do; 1: error; 2: there are changes. `exec` and `run` pass on a program's own. */
  exitCode: number;
}

export interface ConnectOptions {
  /** `-c`; undefined: looked for. */
  readonly configFile: string | undefined;
  /** For a daemon: what stores have said is remembered. */
  readonly stays?: boolean;
  readonly before?: Context["cache"];
}

export type Input = NodeJS.ReadableStream & {
  readonly isTTY?: boolean;
  readonly isRaw?: boolean;
  setRawMode?(raw: boolean): unknown;
};

export interface Output {
  write(data: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

/** For what does nothing but show, for ever perhaps: Ctrl-C ends it, and so does its reader. */
export function whileWatched({ signal, unread, watching }: Session): AbortSignal {
  watching();
  return AbortSignal.any([signal, unread]);
}

/** A question can be asked: somebody reads and somebody can answer. */
export function isInteractive(session: Session): boolean {
  return session.error.isTTY === true && session.input.isTTY === true;
}

/** An answer is worth something only where the question's subject was seen. */
export function canShowAndAsk(session: Session): boolean {
  return isInteractive(session) && session.output.isTTY === true;
}

export function print(session: Session, text: string): void {
  session.output.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** For notes that are no result: `dso … > file` does not get them. */
export function note(session: Session, text: string): void {
  session.error.write(text.endsWith("\n") ? text : `${text}\n`);
}
