/** What the engine shows of one project, as data. Sorted by name wherever it is a list. */
import type { CreateBody, EndpointOptions, HostConfig } from "./engine.ts";

export interface EngineInfo {
  /** The daemon's own id: a saved plan is for this engine only. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** The API version in use, e.g. `1.41`. */
  readonly apiVersion: string;
  /** The engine's host is this host, so that host paths mean the same to both. */
  readonly local: boolean;
  /** How it is reached, e.g. `unix:///var/run/docker.sock`. */
  readonly endpoint: string;
}

export interface Observed {
  readonly engine: EngineInfo;
  /** The program that seals variables can be had for this machine. */
  readonly shim: boolean;
  readonly containers: readonly ObservedContainer[];
  /** All networks that carry the project's label. */
  readonly networks: readonly ObservedNetwork[];
  readonly volumes: readonly ObservedVolume[];
  /** Image references of the desired services that the engine has, by the text asked for. */
  readonly images: ReadonlyMap<string, ImageDetail>;
  /** Of the images that are to be the newest: what their registries say. Absent: nobody was asked. */
  readonly newness?: ReadonlyMap<string, Newness>;
  /** Objects without our label that have a name the project wants, or that it calls external. */
  readonly foreignNetworks: ReadonlyMap<string, ObservedNetwork>;
  readonly foreignVolumes: ReadonlyMap<string, ObservedVolume>;
  /** Details by container id, of those for which the planner needs more than the list says. */
  readonly details: ReadonlyMap<string, ContainerDetail>;
  /** Generation id to the versions its manifest (memory, else its mirror) says were delivered. */
  readonly delivered: ReadonlyMap<string, DeliveredVersions>;
  /** Generations that a container binds and that are gone from memory. */
  readonly lostGenerations: ReadonlySet<string>;
  /** Undefined where none is remembered. */
  readonly lastApply: LastApply | undefined;
  /** Service to how long a replica of it did not serve when it was last replaced by stop-first; absent: not known. */
  readonly downtimes?: ReadonlyMap<string, MeasuredDowntime>;
}

/** Whether a registry has another image by a name that is here; `why`: it could not be asked. */
export type Newness =
  { readonly kind: "same" | "newer" } | { readonly kind: "unknown"; readonly why: string };

/** Of one replica, ms. */
export interface MeasuredDowntime {
  /** From the stop signal until the old container was gone. */
  readonly stopMs: number;
  /** From then until the new one served. */
  readonly startMs: number;
}

/** What the last apply to this engine left there. */
export interface LastApply {
  /** Service to the number of its containers. */
  readonly containers: ReadonlyMap<string, number>;
  /** Ids of the containers that were at work when it was through. */
  readonly running: ReadonlySet<string>;
}

/** Value name (`provider:path#key`) to version. */
export type DeliveredVersions = ReadonlyMap<string, string>;

export type ContainerState =
  "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

/** What one row of the engine's container list tells. */
export interface ObservedContainer {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
  /** Only where the container has a healthcheck. */
  readonly health: "starting" | "healthy" | "unhealthy" | undefined;
  /** Present for `exited`, read from the engine's status text. */
  readonly exitCode: number | undefined;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly networks: readonly ObservedEndpoint[];
  readonly mounts: readonly ObservedMount[];
  readonly networkMode: string;
}

export interface ObservedEndpoint {
  readonly network: string;
  readonly networkId: string;
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  /** Known only from a detail; the list does not tell them. */
  readonly aliases: readonly string[];
  readonly options?: EndpointOptions;
}

export interface ObservedMount {
  readonly type: string;
  /** Volume name, for volumes. */
  readonly name: string | undefined;
  readonly source: string;
  readonly target: string;
  readonly writable: boolean;
}

/** Whether the mount is of the memory directory `generation`, which is one part of its host path. */
export function isOfGeneration(
  { type, source }: ObservedMount,
  generation: string | undefined,
): boolean {
  return generation !== undefined && type === "bind" && source.includes(`/${generation}/`);
}

export interface ObservedNetwork {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly driver: string;
  readonly internal: boolean;
  readonly subnets: readonly {
    readonly subnet: string;
    readonly ipRange: string | undefined;
    readonly gateway: string | undefined;
  }[];
}

export interface ObservedVolume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly driver: string;
}

/** All of a container: enough to make it again, and to watch it. */
export interface ContainerDetail extends ObservedContainer {
  readonly config: Omit<CreateBody, "HostConfig" | "NetworkingConfig">;
  readonly hostConfig: HostConfig;
  readonly pid: number;
  readonly startedAt: string;
  readonly restartCount: number;
  /** The engine's own message when a start failed. */
  readonly error: string;
  readonly oomKilled: boolean;
  /** Output of the last run of the healthcheck. */
  readonly healthLog: string | undefined;
}

export interface ImageDetail {
  readonly id: string;
  /** Of the registries that it came from or went to: `name@sha256:…`. */
  readonly digests?: readonly string[];
  /** When a tag was last put on it here, ms since the epoch; undefined where the engine does not know. */
  readonly taggedAt?: number | undefined;
  readonly user: string;
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[] | null;
  readonly environment: readonly string[];
  readonly volumes: readonly string[];
  /** Its own healthcheck as it is written: `CMD` or `CMD-SHELL` and words; undefined where it has none. */
  readonly healthcheckTest: readonly string[] | undefined;
  /** How often that runs; undefined where it has none. */
  readonly healthcheckIntervalMs: number | undefined;
  readonly exposedPorts: readonly string[];
  readonly os: string;
  readonly arch: string;
}
