/** A document that the schema has accepted and filled with its defaults, as `Config`. */
import path from "node:path";
import { suggest } from "../model/suggest.ts";
import type { EnvironmentPolicy, Strategy } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import { Secret } from "../model/secret.ts";
import type { Settings } from "../model/settings.ts";
import { wrapCredentials } from "./credentials.ts";
import { toPattern } from "./pattern.ts";
import type {
  AgentConfig,
  Config,
  GitSourceConfig,
  PollingConfig,
  ProjectConfig,
  ProviderConfig,
  RotationConfig,
} from "./types.ts";
import { bytes, milliseconds } from "./units.ts";
import type { YamlText } from "./yaml.ts";

type Keyed<T> = Readonly<Record<string, T>>;

/** Those of this host. */
const AT_HAND: ReadonlySet<string> = new Set(["local", "env", "file", "age"]);

/** Engines that issue credentials for a time. */
const LEASED: ReadonlySet<string> = new Set(["database", "pki"]);

/** What the schema promises about an accepted document. */
export interface Document {
  readonly providers: Keyed<Keyed<unknown>>;
  readonly agent: {
    readonly watch: { readonly polling_interval: string; readonly debounce_window: string };
    readonly health_check: {
      readonly timeout: string;
      readonly retries: number;
      readonly interval: string;
    };
    readonly cache: {
      readonly ttl: string;
      readonly max_cache_size: string | number;
      readonly max_secret_size: string | number;
    };
    readonly rotation: Rotation;
    readonly http: { readonly listen: string };
    readonly concurrency: number;
  };
  readonly defaults: {
    readonly provider: string;
    readonly env: EnvironmentPolicy;
    readonly rotation?: Partial<Rotation>;
  };
  readonly projects: Keyed<Project>;
}

interface Rotation {
  readonly strategy: Strategy;
  readonly timeout: string;
  readonly rollback_on_failure: boolean;
}

interface Project {
  readonly files: readonly string[];
  readonly source?: {
    readonly git: Omit<GitSourceConfig, "intervalMs"> & { readonly interval: string };
  };
  readonly secrets?: { readonly allow?: readonly string[] };
  readonly policy: {
    readonly apply: ProjectConfig["policy"]["apply"];
    readonly prune: boolean;
    readonly deny?: readonly string[];
  };
}

/** Rejects with `config-invalid` where `defaults.provider` names none of the providers. */
export function buildConfig(
  document: Document,
  file: string | undefined,
  yaml: YamlText | undefined,
): Config {
  const agent = buildAgent(document.agent);
  const providers = buildProviders(document.providers, agent.watch.pollingIntervalMs);
  const { provider, env } = document.defaults;
  if (!providers.has(provider)) throw unknownDefault(provider, [...providers.keys()], yaml);
  return {
    file,
    providers,
    agent,
    defaults: {
      provider,
      env,
      rotation: buildRotation({ ...document.agent.rotation, ...document.defaults.rotation }),
    },
    projects: sortedMap(document.projects, (name, project) => buildProject(name, project, file)),
    document: {
      ...wrapCredentials({ agent: document.agent, defaults: document.defaults }),
      providers: mapValues(document.providers, wrapCredentials),
      projects: mapValues(document.projects, (project) => wrapCredentials({ ...project })),
    },
    at: (at) => (yaml !== undefined && wrote(yaml.value, at) ? yaml.keyAt(at) : undefined),
  };
}

function buildProviders(
  document: Document["providers"],
  intervalMs: number,
): ReadonlyMap<string, ProviderConfig> {
  const all: Document["providers"] = { local: {}, ...document };
  return sortedMap(all, (name, { type: written, ...rest }) => {
    const type = typeof written === "string" ? written : name;
    const { versions, polling_interval, polling_overrides, requests_per_second, ...settings } =
      rest;
    const leased = type === "vault" && LEASED.has(String(settings["engine"]));
    return {
      name,
      type,
      byValue: versions === "by-value",
      remote: !AT_HAND.has(type) && !leased,
      polling: buildPolling({ polling_interval, polling_overrides }, intervalMs),
      requestsPerSecond: typeof requests_per_second === "number" ? requests_per_second : 50,
      settings: { ...wrapCredentials(settings), ...asItIs(settings["config"]) },
      leased,
    };
  });
}

/** As the schema has accepted it. */
function buildPolling(
  { polling_interval: own, polling_overrides: overrides }: Keyed<unknown>,
  intervalMs: number,
): PollingConfig {
  return {
    intervalMs: typeof own === "string" ? milliseconds(own) : intervalMs,
    overrides: Object.entries((overrides ?? {}) as Keyed<string>).map(([pattern, text]) => ({
      ...{ pattern: toPattern(pattern), intervalMs: milliseconds(text) },
    })),
  };
}

/** A plugin gets its part as it stands, numbers as numbers: in JSON, all of it one credential. */
function asItIs(config: unknown): Settings {
  return config === undefined ? {} : { config: new Secret(Buffer.from(JSON.stringify(config))) };
}

function unknownDefault(
  name: string,
  known: readonly string[],
  yaml: YamlText | undefined,
): DsoError {
  const near = suggest(name, known);
  const position = yaml?.at(["defaults", "provider"]);
  return new DsoError(
    "config-invalid",
    `defaults.provider is "${name}", but no provider has that name`,
    {
      hint:
        near === undefined
          ? `Add "${name}" under providers:, or name one of ${known.join(", ")}.`
          : `Did you mean "${near}"?`,
      ...(position && { position }),
    },
  );
}

function buildAgent(agent: Document["agent"]): AgentConfig {
  const { watch, health_check, cache, http, concurrency } = agent;
  return {
    watch: {
      pollingIntervalMs: milliseconds(watch.polling_interval),
      debounceWindowMs: milliseconds(watch.debounce_window),
    },
    healthCheck: {
      timeoutMs: milliseconds(health_check.timeout),
      retries: health_check.retries,
      intervalMs: milliseconds(health_check.interval),
    },
    cache: {
      ttlMs: milliseconds(cache.ttl),
      maxCacheBytes: bytes(cache.max_cache_size),
      maxSecretBytes: bytes(cache.max_secret_size),
    },
    http,
    concurrency,
  };
}

function buildRotation(rotation: Rotation): RotationConfig {
  return {
    strategy: rotation.strategy,
    timeoutMs: milliseconds(rotation.timeout),
    rollbackOnFailure: rotation.rollback_on_failure,
  };
}

function buildProject(name: string, project: Project, file: string | undefined): ProjectConfig {
  const { source, files, policy } = project;
  const directory = path.dirname(file ?? "/");
  return {
    name,
    files: source === undefined ? files.map((one) => path.resolve(directory, one)) : files,
    source: source && buildGit(source.git),
    allowSecrets: project.secrets?.allow,
    policy: { apply: policy.apply, prune: policy.prune, deny: policy.deny },
  };
}

function buildGit({
  interval,
  ...git
}: Omit<GitSourceConfig, "intervalMs"> & { readonly interval: string }): GitSourceConfig {
  return { ...git, intervalMs: milliseconds(interval) };
}

function sortedMap<T, U>(record: Keyed<T>, build: (name: string, part: T) => U): Map<string, U> {
  const names = Object.keys(record).sort();
  return new Map(names.map((name) => [name, build(name, record[name] as T)]));
}

function mapValues<T, U>(record: Keyed<T>, change: (part: T) => U): Keyed<U> {
  return Object.fromEntries(Object.entries(record).map(([key, part]) => [key, change(part)]));
}

function wrote(value: unknown, at: readonly string[]): boolean {
  const [key, ...rest] = at;
  if (key === undefined) return true;
  if (typeof value !== "object" || value === null || !(key in value)) return false;
  return wrote((value as Keyed<unknown>)[key], rest);
}
