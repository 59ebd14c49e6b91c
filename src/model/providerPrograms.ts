/** The port of provider services: programs that Compose and we run by one protocol. */
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
   * them. `progress` gets what it says to people, without what it gave. Its processes end with `signal`.
   */
  run(
    call: ProgramCall,
    progress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Secret>>;
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
