/** The only place that constructs adapters. Nothing is opened before it is used. */
import { randomBytes } from "node:crypto";
import { homedir, hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createAddresses } from "./apply/network/addresses.ts";
import { createJournal } from "./apply/journal/journal.ts";
import { createMemoryDelivery } from "./apply/memory/memory.ts";
import { createShim } from "./apply/memory/shim.ts";
import { configPlaces, findConfig, readConfig, type Whereabouts } from "./config/load.ts";
import { localPaths, type Paths } from "./config/paths.ts";
import { pollingInterval } from "./config/polling.ts";
import type { Config } from "./config/types.ts";
import { createBuilder } from "./docker/builder.ts";
import { resolveConnection } from "./docker/connection.ts";
import { snapshotOf } from "./sources/snapshot.ts";
import { createEngine } from "./docker/engine.ts";
import { createSockets } from "./docker/sockets.ts";
import { userName } from "./lib/process.ts";
import { LONGEST_TIMER_MS } from "./model/duration.ts";
import type { Clock, Random, SecretProvider } from "./model/ports.ts";
import type { ProviderPrograms } from "./model/providerPrograms.ts";
import type { Secret } from "./model/secret.ts";
import type { LocalVault } from "./providers/local/vault.ts";
import type { LeaseStore } from "./providers/leases/store.ts";
import type { Cache } from "./providers/cache/cache.ts";
import type { Opening } from "./providers/opening.ts";
import { openProviders, type Surroundings } from "./providers/types.ts";
import type { VaultOptions } from "./providers/local/unlocked.ts";
import { fingerprintKey } from "./reconciler/fingerprintKey.ts";
import type { Context } from "./reconciler/context.ts";
import { createStateFiles } from "./reconciler/stateFiles.ts";

export interface WireOptions {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `-c`; undefined: looked for. */
  readonly configFile: string | undefined;
  readonly version: string;
  /** The directory of the release's shims. */
  readonly shims: string;
  /** Of the whole command: opening the vault waits for nothing longer. */
  readonly signal: AbortSignal;
  /** The process stays: what stores have said is remembered. */
  readonly stays: boolean;
  /** Of the same process, before dso.yaml was read anew. */
  readonly before?: Cache | undefined;
  /** Asks for the vault's passphrase; absent where nobody can be asked. */
  readonly passphrase?: (signal: AbortSignal) => Promise<Secret>;
}

export async function wire(options: WireOptions): Promise<Context> {
  const { environment, version } = options;
  const home = environment["HOME"] ?? homedir();
  const paths = localPaths(environment, home);
  const whereabouts = whereaboutsOf(options, home);
  const places = snapshotOf(configPlaces(whereabouts));
  const config = await readConfig(findConfig(whereabouts), options.signal);
  const connection = await resolveConnection({ ...environment, HOME: home });
  const engine = createEngine(connection);
  const vault = vaultOptions(options, paths);
  const openVault = once((signal) => openLocalVault(vault, signal));
  const cache = options.stays ? await cacheFor(config, options.before) : undefined;
  return {
    ...{ config, paths, engine, cache, environment, home, version, vault, openVault },
    configPlaces: places,
    builder: createBuilder({ connection, env: environment, dockerProgram: "docker" }),
    proxies: async () => (await import("./docker/proxies.ts")).containerProxies(connection),
    delivery: createMemoryDelivery(memoryOptions(paths)),
    shim: createShim({ release: options.shims, directory: paths.shimsDir }),
    providers: openProviders({
      ...{ environment, cache, clock: systemClock, ...definitionsOf(config) },
      openVault: () => openVault(options.signal),
      openPlugin: (type, opening) => openPlugin(type, opening, paths),
      leases: () => openLeases(paths),
      fingerprintKey: () => fingerprintKey(paths.stateDir, systemRandom),
    }),
    journal: createJournal(paths.stateDir),
    addresses: createAddresses(paths.stateDir, systemClock),
    state: createStateFiles(paths.stateDir),
    clock: systemClock,
    sockets: createSockets(async () => (await engine.info(NEVER)).local),
    random: systemRandom,
    programs: lazyPrograms(environment, home),
    who: whoAsks(),
  };
}

function definitionsOf({
  providers,
  defaults,
  file,
}: Config): Pick<Surroundings, "definitions" | "defaultName" | "directory"> {
  return {
    definitions: providers.values(),
    defaultName: defaults.provider,
    directory: dirname(file ?? resolve("dso.yaml")),
  };
}

async function cacheFor(config: Config, before: Cache | undefined): Promise<Cache> {
  const { createCache } = await import("./providers/cache/cache.ts");
  const intervalMs = (provider: string, path: string): number =>
    pollingInterval(config, provider, path);
  return createCache({ clock: systemClock, limits: config.agent.cache, intervalMs, before });
}

function whereaboutsOf(options: WireOptions, home: string): Whereabouts {
  const { configFile, cwd, environment } = options;
  return {
    ...(configFile === undefined ? {} : { explicit: configFile }),
    ...{ env: environment, cwd, home },
  };
}

function memoryOptions({
  memoryBase,
  runtimeDir,
  stateDir,
}: Paths): Parameters<typeof createMemoryDelivery>[0] {
  return {
    uid: process.geteuid?.() ?? 0,
    ...(memoryBase === undefined ? {} : { base: memoryBase }),
    ...(runtimeDir === undefined ? {} : { runtimeDir }),
    stateDir,
    clock: systemClock,
    random: systemRandom,
  };
}

function vaultOptions({ passphrase }: WireOptions, paths: Paths): VaultOptions {
  return {
    vaultFile: paths.vaultFile,
    keyFile: paths.keyFile,
    stateDir: paths.stateDir,
    lockFile: join(paths.locksDir, "vault.lock"),
    ...(passphrase === undefined ? {} : { passphrase }),
    clock: systemClock,
    who: userAndHost(),
  };
}

async function openLeases(paths: Paths): Promise<LeaseStore> {
  const { openMemoryBase } = await import("./apply/memory/memoryBase.ts");
  const { createLeaseFiles } = await import("./providers/leases/files.ts");
  const memory = async (signal: AbortSignal): Promise<string> =>
    (await openMemoryBase(memoryOptions(paths), signal)).path;
  return createLeaseFiles({ ...paths, memory });
}

async function openPlugin(
  type: string,
  opening: Opening,
  { pluginCopiesDir: copies }: Paths,
): Promise<SecretProvider> {
  const { openPluginProvider } = await import("./providers/plugin/open.ts");
  const { scrubOnce: scrub } = await import("./apply/scrub.ts");
  return openPluginProvider({ ...opening, type, copies, scrub });
}

/** Few projects have provider services. */
function lazyPrograms(environment: WireOptions["environment"], home: string): ProviderPrograms {
  const load = async (): Promise<ProviderPrograms> => {
    const { createPrograms } = await import("./docker/programs/programs.ts");
    const { scrubOnce: scrub } = await import("./apply/scrub.ts");
    return createPrograms({ environment, home, scrub });
  };
  return {
    check: async (...call) => (await load()).check(...call),
    run: async (...call) => (await load()).run(...call),
    endLeft: async (...left) => (await load()).endLeft(...left),
  };
}

async function openLocalVault(options: VaultOptions, signal: AbortSignal): Promise<LocalVault> {
  const vault = await import("./providers/local/vault.ts");
  return vault.openLocalVault(options, signal);
}

/** One vault per process, unlocked when it is first needed; a failed try may be repeated. */
function once<T>(make: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let made: Promise<T> | undefined;
  return (signal) => {
    made ??= make(signal).catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** A drain that was begun is ended by nothing but the end of the process. */
const NEVER = new AbortController().signal;

const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => Math.trunc(performance.now()),
  sleep: async (ms, signal) => {
    let left = ms;
    for (; left > LONGEST_TIMER_MS; left -= LONGEST_TIMER_MS)
      await sleep(LONGEST_TIMER_MS, undefined, { signal });
    await sleep(left, undefined, { signal });
  },
};

const systemRandom: Random = { hex: (bytes) => randomBytes(bytes).toString("hex") };

function userAndHost(): string {
  return `${userName()}@${hostname()}`;
}

function whoAsks(): string {
  return `${userAndHost()} (pid ${process.pid})`;
}
