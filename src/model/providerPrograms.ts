/** The port of provider services: programs that Compose and we run by one protocol. */
import type { ProcessIdentity } from "../lib/process.ts";
import type { Secret } from "./secret.ts";

/**
 * The programs of provider services, by Compose's protocol. Both reject with `program-missing`, which says
 * where it was looked for, or `program-failed` with the program's own words.
 */
export interface ProviderPrograms {
  /** Whether it can be called so: it is there, and knows these options. Nothing is changed by that. */
  check(call: ProgramCall, signal: AbortSignal): Promise<void>;
  /**
   * Variable, as the dependents get it, to value: empty for `down`. The caller owns the values and drops
   * them. Its processes end with `signal`.
   */
  run(
    call: ProgramCall,
    witness: ProgramWitness,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Secret>>;
  /** Ends what a killed run has left at work, with its process group, and no other process. */
  endLeft(process: ProcessIdentity, signal: AbortSignal): Promise<LeftProgram>;
}

export interface ProgramWitness {
  /** What it says to people, without what it gave. */
  readonly progress: (line: string) => void;
  /**
   * Its process; undefined: that is over. The program does nothing before the first has resolved, and is
   * never begun where that rejects.
   */
  readonly note: (process: ProcessIdentity | undefined) => Promise<void>;
}

/**
 * `ended`: now; `gone`: before; `untold`: this system, or this place in it, does not tell whether it runs;
 * `stays`: it does, and does not end.
 */
export type LeftProgram = "ended" | "gone" | "untold" | "stays";

/** A program that runs, or that a killed run has left. */
export interface RunningProgram extends ProcessIdentity {
  readonly verb: ProgramCall["verb"];
}

export interface ProgramCall {
  readonly project: string;
  readonly service: string;
  readonly type: string;
  readonly options: Readonly<Record<string, readonly string[]>>;
  readonly verb: "up" | "down";
  /** The project's; undefined: of the process alone. */
  readonly environment: Readonly<Record<string, string | undefined>> | undefined;
  /** Of the project, absolute. */
  readonly workingDir: string;
}
