import type { ComposeProject, ServiceModel } from "../model/project.ts";
import type { ProjectRequest } from "./context.ts";

/** What is remembered of projects between runs. It holds references and versions, never values. */
export interface ProjectState {
  /** All projects that were ever applied here and not taken down, sorted by name. */
  projects(): Promise<readonly RegisteredProject[]>;
  register(project: RegisteredProject): Promise<void>;
  forget(project: string): Promise<void>;
  /** Newest first. */
  history(project: string): Promise<readonly HistoryEntry[]>;
  remember(project: string, entry: HistoryEntry): Promise<void>;
  hold(project: string): Promise<Hold | undefined>;
  setHold(project: string, hold: Hold | undefined): Promise<void>;
}

/** Enough to load a project again without being told where it is. */
export interface RegisteredProject {
  readonly name: string;
  readonly request: ProjectRequest;
  /** The engine's own id. */
  readonly engineId: string;
  /** Secret names (`provider:path`) that its services use. */
  readonly secrets: readonly string[];
  /** ISO 8601, UTC. */
  readonly appliedAt: string;
}

export interface HistoryEntry {
  /** Counts up per project. */
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
  /** The model that was applied, for `rollback`; only on entries that were applied. */
  readonly model: StoredModel | undefined;
}

/** A canonical model as it was, references in it as text. */
export interface StoredModel {
  readonly project: Omit<ComposeProject, "services" | "networks" | "volumes" | "secrets" | "configs" | "positions" | "warnings"> & {
    readonly networks: Readonly<Record<string, unknown>>;
    readonly volumes: Readonly<Record<string, unknown>>;
    readonly secrets: Readonly<Record<string, unknown>>;
    readonly configs: Readonly<Record<string, unknown>>;
  };
  readonly services: Readonly<Record<string, ServiceModel>>;
}

export interface Hold {
  readonly since: string;
  readonly who: string;
  readonly why: string;
}
