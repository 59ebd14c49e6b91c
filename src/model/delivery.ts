/** The port of the memory directory, and the data that it keeps beside the values. */
import type { MountSpec } from "./engine.ts";
import type { FileDelivery, Grade } from "./desired.ts";
import type { Secret } from "./secret.ts";

/**
 * One generation: the directory that one container reads. It is random by name,
 * filled before the container exists and gone after it.
 */
export interface Generation {
  readonly id: string;
  /** To be put into the create body; long syntax, read-only, source must exist. */
  readonly mounts: readonly MountSpec[];
  readonly grade: Grade;
  readonly warnings: readonly string[];
}

/** Says what was delivered; lies beside the files, and mirrored in the state directory. No values. */
export interface Manifest {
  readonly v: 1;
  readonly generation: string;
  readonly project: string;
  readonly service: string;
  readonly number: number;
  /** Where the directory is; manifests of earlier releases do not say. */
  readonly path?: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Value name (`provider:path#key`) to version, environment values included. */
  readonly versions: Readonly<Record<string, string>>;
  readonly files: readonly {
    readonly target: string;
    readonly mode: string;
    readonly uid: number;
    readonly gid: number;
    readonly values: readonly string[];
  }[];
}

export interface DeliveryRequest {
  readonly project: string;
  readonly service: string;
  readonly number: number;
  readonly files: readonly {
    readonly file: FileDelivery;
    readonly content: Secret;
  }[];
  /** Values that are no file by themselves: variables, and what stands within a longer text. */
  readonly parts: readonly Secret[];
  /** The owner of files that name none: the service's user, resolved. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly versions: Readonly<Record<string, string>>;
}

/** Rejects with `memory-unsafe` (not memory, not ours, a symlink), `memory-full`, `engine-remote`. */
export interface Delivery {
  /** Room for this many bytes, on memory, before anything is stopped. */
  ensureRoom(bytes: number, signal: AbortSignal): Promise<void>;
  deliver(request: DeliveryRequest, signal: AbortSignal): Promise<Generation>;
  /** Swaps the content of a living generation in one step; old versions stay for slow readers. */
  refresh(generation: string, request: DeliveryRequest, signal: AbortSignal): Promise<void>;
  /** Which version of its files is read now, by its name; undefined where they are gone. */
  reading(generation: string, signal: AbortSignal): Promise<string | undefined>;
  /** That version of the files again, of which `versions` are the versions; done twice, it is as once. */
  revert(
    generation: string,
    files: string,
    versions: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * All values that its container was ever given, as far as memory still has them: whoever shows what
   * the container says takes them out. The caller owns and drops them.
   */
  known(generation: string, signal: AbortSignal): Promise<readonly Secret[]>;
  /** From memory, else from the mirror; undefined when neither knows it. */
  manifest(generation: string, signal: AbortSignal): Promise<Manifest | undefined>;
  /** What the project's containers were given, by generation, as far as this home delivered it. */
  manifests(project: string): Promise<ReadonlyMap<string, Manifest>>;
  /**
   * Of generations, by id with the host path of one of their binds, those that are gone from
   * memory. One look at each directory that holds some; what may not be looked at is not gone.
   */
  lost(sources: ReadonlyMap<string, string>, signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Overwrites and removes it; one that is gone already is fine. */
  drop(generation: string, signal: AbortSignal): Promise<void>;
  /** Drops all generations of the project that are not in `owned`. */
  sweep(
    project: string,
    owned: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<readonly string[]>;
}

/** The static program of shim/, for the architecture of this machine. */
export interface Shim {
  /** Whether the release has it. */
  has(): boolean;
  /** Whether one that a container binds is still where it was put. */
  isThere(path: string): boolean;
  /** Puts it where containers bind it from; answers the path. Rejects with `shim-unusable`. */
  place(): Promise<string>;
}
