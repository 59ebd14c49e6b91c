import type {
  ComposeProject,
  FileSourceModel,
  NetworkModel,
  ServiceModel,
  VolumeModel,
} from "../model/project.ts";
import type { DsoError } from "../model/errors.ts";
import type { MeasuredDowntime } from "../model/observed.ts";
import type { ProjectRequest } from "./request.ts";

/** What is remembered of projects between runs. It holds references and versions, never values. */
export interface ProjectState {
  /**
   * All projects that were applied here and not taken down, sorted by name. With `onFault`, which hears
   * of it, one that cannot be read is left out; else it rejects.
   */
  projects(onFault?: (error: DsoError) => void): Promise<readonly RegisteredProject[]>;
  register(project: RegisteredProject): Promise<void>;
  registered(project: string): Promise<RegisteredProject | undefined>;
  forget(project: string): Promise<void>;
  /** Newest first. */
  history(project: string): Promise<readonly HistoryEntry[]>;
  /** Numbers the entry and keeps it. One that failed just as the newest did, of the same process, becomes one with it. */
  remember(project: string, entry: Omit<HistoryEntry, "revision">): Promise<void>;
  /** What failed and is not tried again as it is, sorted by service. */
  attempts(project: string): Promise<readonly FailedAttempt[]>;
  setAttempts(project: string, attempts: readonly FailedAttempt[]): Promise<void>;
  /** What programs of provider services gave last, by service; absent: never asked, or down. */
  answers(project: string): Promise<Readonly<Record<string, StoredAnswer>>>;
  setAnswer(project: string, service: string, answer: StoredAnswer | undefined): Promise<void>;
  hold(project: string): Promise<Hold | undefined>;
  /** `undefined` lifts it. */
  setHold(project: string, hold: Hold | undefined): Promise<void>;
}

/** Enough to load a project again without being told where it is. */
export interface RegisteredProject {
  readonly name: string;
  readonly request: ProjectRequest;
  /** The engine's own id. */
  readonly engineId: string;
  /** Secret names (`provider:path`) that its services use, sorted. */
  readonly secrets: readonly string[];
  /** ISO 8601, UTC. */
  readonly appliedAt: string;
  /** Absent while no apply has succeeded. */
  readonly left?: {
    /** Service to the number of its containers. */
    readonly containers: Readonly<Record<string, number>>;
    /** Ids of the containers that were at work. */
    readonly running: readonly string[];
  };
  /** Service to the downtime of the last replica of it that was replaced by stop-first. */
  readonly downtimes?: Readonly<Record<string, MeasuredDowntime>>;
  /** Ids of the containers that a person had stopped when they were last looked at, sorted; absent: none. */
  readonly stopped?: readonly string[];
}

export interface HistoryEntry {
  /** Counts up per project, from 1. */
  readonly revision: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly who: string;
  readonly outcome: "applied" | "failed" | "rolled-back" | "destroyed";
  /** `2 added, 0 changed, 1 destroyed`, or what went wrong. */
  readonly summary: string;
  readonly reasons: readonly string[];
  /** Secret name to version. */
  readonly versions: Readonly<Record<string, string>>;
  /** The revision that this one brought back. */
  readonly rollbackTo: number | undefined;
  /** What was applied, for `rollback`; absent where nothing was. */
  readonly model: StoredModel | undefined;
}

/** That the program of a provider service was asked, and what it gave: fingerprints, no values. */
export interface StoredAnswer {
  /** Keyed fingerprint of its type and options. */
  readonly form: string;
  readonly type: string;
  /** Variable, as dependents get it, to the keyed fingerprint of its value; absent: it did not answer yet. */
  readonly versions?: Readonly<Record<string, string>>;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** One try at a service that ended in a verdict: it died, did not become healthy, or the engine refused it. */
export interface FailedAttempt {
  readonly service: string;
  /** Of what was tried: it changes with everything that may decide how that turns out. */
  readonly key: string;
  /** Value name to the version that was to be delivered anew; empty where something else had changed. */
  readonly versions: Readonly<Record<string, string>>;
  /** Of the last try, ISO 8601, UTC. */
  readonly at: string;
  readonly tries: number;
  /** What served before has failed, too, when it was to be brought back. */
  readonly backFailed?: true;
  /** Error code and message of the last try, scrubbed. */
  readonly code: string;
  readonly message: string;
}

/** A canonical model as it was, references in it as text. */
export interface StoredModel extends Pick<
  ComposeProject,
  "name" | "workingDir" | "files" | "environmentFiles" | "profiles" | "disabledServices"
> {
  readonly services: Readonly<Record<string, ServiceModel>>;
  readonly networks: Readonly<Record<string, NetworkModel>>;
  readonly volumes: Readonly<Record<string, VolumeModel>>;
  readonly secrets: Readonly<Record<string, FileSourceModel>>;
  readonly configs: Readonly<Record<string, FileSourceModel>>;
}

/** A held project is left alone by everything but a person. */
export interface Hold {
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly who: string;
  readonly why: string;
}
