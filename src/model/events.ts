/** What the loop reports while it works. Sinks make text, JSON or log lines of it. */
import type { DsoError } from "./errors.ts";
import type { Operation } from "./plan.ts";
import type { RotationStep } from "./journal.ts";

export type DsoEvent =
  /** Something that a person wants to know of the run as a whole. */
  | { readonly type: "note"; readonly message: string }
  | { readonly type: "operation-started"; readonly operation: Operation }
  /** It is next, and its turn is in `ms`: the files ask for a pause between replicas. */
  | { readonly type: "operation-paused"; readonly operation: Operation; readonly ms: number }
  /** A line of progress: of a pull, a build, or what is being waited for. */
  | {
      readonly type: "operation-progress";
      readonly operation: Operation;
      readonly message: string;
      readonly elapsedMs: number;
    }
  | {
      readonly type: "rotation-step";
      readonly operation: Operation;
      readonly rotation: string;
      readonly step: RotationStep;
    }
  | {
      readonly type: "operation-completed";
      readonly operation: Operation;
      readonly elapsedMs: number;
      readonly containerId: string | undefined;
    }
  | {
      readonly type: "operation-failed";
      readonly operation: Operation;
      readonly elapsedMs: number;
      readonly error: DsoError;
    }
  /** It was never begun: somebody ended the run, else something before it failed. */
  | {
      readonly type: "operation-skipped";
      readonly operation: Operation;
      readonly interrupted: boolean;
    }
  /** It was done, and taken back at the end of a run that failed. */
  | { readonly type: "operation-undone"; readonly operation: Operation }
  /** The last lines of a failed container, scrubbed. */
  | {
      readonly type: "container-log";
      readonly operation: Operation;
      readonly lines: readonly string[];
    }
  | {
      readonly type: "rolled-back";
      readonly operation: Operation;
      readonly rotation: string;
      readonly error: DsoError;
    }
  /** Measured time during which no container of the replica served. */
  | {
      readonly type: "downtime";
      readonly operation: Operation;
      readonly ms: number;
    }
  | {
      readonly type: "warning";
      readonly code: string;
      readonly message: string;
    };

export type Report = (event: DsoEvent) => void;
