/**
 * The canonical compose model: what `docker compose config` prints, after
 * interpolation, merge, short forms, defaults and absolute paths, with `$$`
 * undone. Keys are Compose's own.
 */
import type { DeployModel } from "./deploy.ts";
import type { Position } from "./errors.ts";

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface ComposeProject {
  readonly name: string;
  /** Absolute. */
  readonly workingDir: string;
  /** Absolute, in the order in which they were merged. */
  readonly files: readonly string[];
  /** Absolute; only those that were asked for explicitly (`--env-file`, COMPOSE_ENV_FILES). */
  readonly environmentFiles: readonly string[];
  readonly profiles: readonly string[];
  /** The enabled ones, sorted by name. */
  readonly services: ReadonlyMap<string, ServiceModel>;
  /** Named in the files but switched off by profiles: their containers are no orphans. */
  readonly disabledServices: readonly string[];
  readonly networks: ReadonlyMap<string, NetworkModel>;
  readonly volumes: ReadonlyMap<string, VolumeModel>;
  readonly secrets: ReadonlyMap<string, FileSourceModel>;
  readonly configs: ReadonlyMap<string, FileSourceModel>;
  /** Where things stand in the files, for messages. */
  readonly positions: Positions;
  readonly warnings: readonly LoadWarning[];
  /** What `${…}` sees, and the programs of provider services: of the process, and `.env`. Absent: of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Looks up where a path of the canonical model came from. */
export interface Positions {
  /** The nearest known position: that of the path itself, else of its closest parent. */
  at(path: readonly (string | number)[]): Position | undefined;
  /**
   * Whether the value at this path stands literally in a compose file: not from
   * `.env`, `env_file`, the environment or a `${…}`. Only such values may be printed.
   */
  literal(path: readonly (string | number)[]): boolean;
}

export interface LoadWarning {
  readonly message: string;
  /** Of the environment, where the warning is that it is not set. */
  readonly variable?: string;
  readonly position?: Position;
}

export interface ServiceModel {
  readonly image?: string;
  readonly build?: BuildModel;
  readonly command?: readonly string[] | null;
  readonly entrypoint?: readonly string[] | null;
  /** Null: the variable is unset even if the image sets it. */
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly ports?: readonly PortModel[];
  readonly expose?: readonly string[];
  readonly volumes?: readonly MountModel[];
  readonly tmpfs?: readonly string[];
  readonly secrets?: readonly FileGrantModel[];
  readonly configs?: readonly FileGrantModel[];
  readonly healthcheck?: HealthcheckModel;
  readonly restart?: string;
  readonly depends_on?: Readonly<Record<string, DependencyModel>>;
  readonly networks?: Readonly<Record<string, ServiceNetworkModel | null>>;
  readonly network_mode?: string;
  readonly container_name?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly user?: string;
  readonly working_dir?: string;
  readonly tty?: boolean;
  readonly stdin_open?: boolean;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly init?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly extra_hosts?: readonly string[];
  readonly dns?: readonly string[];
  readonly dns_search?: readonly string[];
  readonly dns_opt?: readonly string[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly ulimits?: Readonly<
    Record<string, number | { readonly soft: number; readonly hard: number }>
  >;
  /** Bytes, decimal. */
  readonly shm_size?: string;
  readonly group_add?: readonly string[];
  readonly logging?: {
    readonly driver?: string;
    readonly options?: Readonly<Record<string, string>>;
  };
  readonly stop_signal?: string;
  /** A Go duration, e.g. `1m30s`. */
  readonly stop_grace_period?: string;
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly mem_reservation?: string;
  readonly memswap_limit?: string;
  readonly cpus?: number;
  readonly cpu_shares?: number;
  readonly cpuset?: string;
  readonly pids_limit?: number;
  readonly platform?: string;
  readonly pull_policy?: string;
  readonly pull_refresh_after?: string;
  readonly deploy?: DeployModel;
  readonly scale?: number;
  readonly profiles?: readonly string[];
  readonly pid?: string;
  readonly ipc?: string;
  readonly volumes_from?: readonly string[];
  /** Each runs to its end, one after the other, before the service's own container is started. */
  readonly pre_start?: readonly ForerunnerModel[];
  /** Commands in the container, just after it was started. */
  readonly post_start?: readonly HookModel[];
  /** Commands in the container, just before it is stopped. */
  readonly pre_stop?: readonly HookModel[];
  readonly devices?: readonly {
    readonly source: string;
    readonly target: string;
    readonly permissions: string;
  }[];
  readonly runtime?: string;
  readonly mac_address?: string;
  readonly links?: readonly string[];
  readonly external_links?: readonly string[];
  readonly attach?: boolean;
  /** DSO's own knobs for this service, already validated. */
  readonly "x-dso"?: Json;
  readonly [key: string]: unknown;
}

/** A command that is run in a container of the service. */
export interface HookModel {
  readonly command?: readonly string[];
  /** Absent: as whom the container runs. */
  readonly user?: string;
  readonly privileged?: boolean;
  readonly working_dir?: string;
  /** Beside the container's own variables. */
  readonly environment?: Readonly<Record<string, string | null>>;
}

/** A container of its own, described as a service is; it has the service's variables and networks already. */
export interface ForerunnerModel extends ServiceModel {
  /** Before every replica; else once, before the first of them. */
  readonly per_replica?: boolean;
}

export interface BuildModel {
  readonly context?: string;
  readonly dockerfile?: string;
  readonly dockerfile_inline?: string;
  readonly args?: Readonly<Record<string, string | null>>;
  readonly target?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly cache_from?: readonly string[];
  readonly cache_to?: readonly string[];
  readonly no_cache?: boolean;
  readonly pull?: boolean;
  readonly network?: string;
  readonly shm_size?: string;
  readonly extra_hosts?: readonly string[];
  readonly platforms?: readonly string[];
  readonly tags?: readonly string[];
  readonly secrets?: readonly FileGrantModel[];
  readonly ssh?: readonly string[];
  /** Name to path, URL, `docker-image://…`, or `service:…`: the image of that service. */
  readonly additional_contexts?: Readonly<Record<string, string>>;
  readonly ulimits?: ServiceModel["ulimits"];
  readonly isolation?: string;
  readonly privileged?: boolean;
  readonly entitlements?: readonly string[];
  readonly no_cache_filter?: readonly string[];
  readonly provenance?: string;
  readonly sbom?: string;
  readonly [key: string]: unknown;
}

export interface PortModel {
  readonly mode?: string;
  readonly host_ip?: string;
  readonly target: number;
  /** A port or a range, as text; absent means any free port. */
  readonly published?: string;
  readonly protocol?: string;
  readonly name?: string;
  readonly app_protocol?: string;
}

export interface MountModel {
  readonly type: string;
  readonly source?: string;
  readonly target: string;
  readonly read_only?: boolean;
  readonly consistency?: string;
  readonly bind?: {
    readonly create_host_path?: boolean;
    readonly propagation?: string;
    readonly selinux?: string;
    readonly recursive?: string;
  };
  readonly volume?: {
    readonly nocopy?: boolean;
    readonly subpath?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly tmpfs?: { readonly size?: string; readonly mode?: number };
  readonly image?: { readonly subpath?: string };
}

/** A service's use of a top-level `secrets:` or `configs:` entry. */
export interface FileGrantModel {
  readonly source: string;
  readonly target?: string;
  readonly uid?: string;
  readonly gid?: string;
  /** Octal text, e.g. `0440`. */
  readonly mode?: string;
}

export interface HealthcheckModel {
  readonly test?: readonly string[];
  readonly interval?: string;
  readonly timeout?: string;
  readonly retries?: number;
  readonly start_period?: string;
  readonly start_interval?: string;
  readonly disable?: boolean;
}

export interface DependencyModel {
  readonly condition: "service_started" | "service_healthy" | "service_completed_successfully";
  readonly required?: boolean;
  readonly restart?: boolean;
}

export interface ServiceNetworkModel {
  readonly aliases?: readonly string[];
  readonly ipv4_address?: string;
  readonly ipv6_address?: string;
  readonly link_local_ips?: readonly string[];
  readonly mac_address?: string;
  readonly priority?: number;
  readonly gw_priority?: number;
  readonly interface_name?: string;
  readonly driver_opts?: Readonly<Record<string, string>>;
}

export interface NetworkModel {
  readonly name: string;
  readonly driver?: string;
  readonly driver_opts?: Readonly<Record<string, string>>;
  readonly ipam?: {
    readonly driver?: string;
    readonly config?: readonly {
      readonly subnet?: string;
      readonly gateway?: string;
      readonly ip_range?: string;
      readonly aux_addresses?: Readonly<Record<string, string>>;
    }[];
    readonly options?: Readonly<Record<string, string>>;
  };
  readonly external?: boolean;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly enable_ipv4?: boolean;
  readonly enable_ipv6?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface VolumeModel {
  readonly name: string;
  readonly driver?: string;
  readonly driver_opts?: Readonly<Record<string, string>>;
  readonly external?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A top-level `secrets:` or `configs:` entry: exactly one of its sources is set. */
export interface FileSourceModel {
  readonly name?: string;
  readonly file?: string;
  readonly environment?: string;
  readonly content?: string;
  readonly external?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}
