/** dso.yaml as data: every default filled in, durations in milliseconds, sizes in bytes. */
import type { EnvironmentPolicy, Strategy } from "../model/desired.ts";
import type { Position } from "../model/errors.ts";
import type { Settings } from "../model/settings.ts";

export interface Config {
  /** Absolute; undefined when there is no file and all is default. */
  readonly file: string | undefined;
  /** Sorted by name; `local` is always among them. */
  readonly providers: ReadonlyMap<string, ProviderConfig>;
  readonly agent: AgentConfig;
  readonly defaults: DefaultsConfig;
  /** Sorted by name. */
  readonly projects: ReadonlyMap<string, ProjectConfig>;
  /** All of it in the file's own words, defaults included: what `config show` prints. */
  readonly document: Settings;
  /** Where the value at a path was written; undefined when it is a default. */
  readonly at: (path: readonly string[]) => Position | undefined;
}

export interface ProviderConfig {
  readonly name: string;
  /** `local`, `vault`, `aws`, `azure`, or the name of a plugin. */
  readonly type: string;
  /** Fingerprints of values stand in for versions, so that a plan reads values. */
  readonly byValue: boolean;
  /** It does not lie on this host, and issues nothing: what it says is worth remembering, and it may be away. */
  readonly remote: boolean;
  readonly polling: PollingConfig;
  /** The most requests that its store is sent in a second. */
  readonly requestsPerSecond: number;
  /** It issues credentials for a time: to read one is to have it issued. */
  readonly leased: boolean;
  /** Its other keys, as the schema allows them for its type. */
  readonly settings: Settings;
}

/** How often a store is asked whether something has changed. */
export interface PollingConfig {
  readonly intervalMs: number;
  /** Of paths that fit; the first that does holds. */
  readonly overrides: readonly { readonly pattern: RegExp; readonly intervalMs: number }[];
}

export interface AgentConfig {
  readonly watch: { readonly pollingIntervalMs: number; readonly debounceWindowMs: number };
  readonly healthCheck: {
    readonly timeoutMs: number;
    readonly retries: number;
    readonly intervalMs: number;
  };
  readonly cache: {
    readonly ttlMs: number;
    readonly maxCacheBytes: number;
    readonly maxSecretBytes: number;
  };
  readonly http: { readonly listen: string };
  readonly concurrency: number;
}

export interface DefaultsConfig {
  readonly provider: string;
  readonly env: EnvironmentPolicy;
  /** `defaults.rotation` over `agent.rotation`. */
  readonly rotation: RotationConfig;
}

export interface RotationConfig {
  readonly strategy: Strategy;
  readonly timeoutMs: number;
  readonly rollbackOnFailure: boolean;
}

export interface ProjectConfig {
  readonly name: string;
  /** Absolute, or relative to the path in the git source. */
  readonly files: readonly string[];
  readonly source: GitSourceConfig | undefined;
  /** Patterns of secret names; undefined allows all for a directory and none for git. */
  readonly allowSecrets: readonly string[] | undefined;
  readonly policy: {
    readonly apply: "all" | "secrets" | "none";
    readonly prune: boolean;
    /** Undefined: what the kind of source asks for. */
    readonly deny: readonly string[] | undefined;
  };
}

export interface GitSourceConfig {
  readonly url: string;
  readonly ref: string;
  readonly path: string;
  readonly intervalMs: number;
  readonly verify: "none" | "ssh-keys" | "gpg-keys";
}
