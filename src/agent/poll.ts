/** The stores are asked whether a secret has changed: each at its own pace, whatever the others do. */
import { setTimeout as sleep } from "node:timers/promises";
import { pollingInterval } from "../config/polling.ts";
import type { ProviderConfig } from "../config/types.ts";
import { LONGEST_TIMER_MS } from "../model/duration.ts";
import { DsoError } from "../model/errors.ts";
import type { SecretProvider } from "../model/ports.ts";
import { secretIdOf } from "../model/reference.ts";
import type { Cache } from "../providers/cache/cache.ts";
import { pauseMs } from "./backOff.ts";
import { fault } from "./log.ts";
import { inBackground } from "./passes.ts";
import type { Watch } from "./watch.ts";

/** So long hints are gathered before the store is asked. */
const HINTS_MS = 100;

/** One store of dso.yaml, as it is looked after. */
interface Store {
  readonly watch: Watch;
  readonly cache: Cache;
  readonly config: ProviderConfig;
  /** Since it was found away nobody was told that it answers. */
  away: boolean;
  /** The paths whose changes it is asked to tell, as JSON; and what ends that. */
  heard: string | undefined;
  stop: AbortController;
}

type Users = ReadonlyMap<string, ReadonlySet<string>>;

/** Begins with all stores that are remembered; goes on until the signal aborts. */
export function pollStores(watch: Watch, signal: AbortSignal): void {
  const { cache, config: all } = watch.context;
  if (cache === undefined) return;
  for (const config of all.providers.values()) {
    if (!config.remote) continue;
    const store: Store = {
      ...{ watch, cache, config, away: false, heard: undefined, stop: new AbortController() },
    };
    const { intervalMs, overrides } = config.polling;
    const intervals = new Set([intervalMs, ...overrides.map((one) => one.intervalMs)]);
    // Those that are asked equally often are asked together.
    for (const ms of intervals) inBackground(watch, pollRegularly(store, ms, signal));
    inBackground(
      watch,
      usersOf(store).then((users) => listenToUsed(store, users, signal)),
    );
  }
}

async function pollRegularly(store: Store, intervalMs: number, signal: AbortSignal): Promise<void> {
  const { context } = store.watch;
  for (let failures = 0; ;) {
    // Not all agents of a fleet in the same second; and one that is away is looked for sooner.
    const regular = intervalMs * (0.9 + 0.2 * Math.random());
    const pause = failures === 0 ? regular : Math.min(regular, pauseMs(failures, Math.random()));
    if (await over(pause, signal)) return;
    const users = await usersOf(store);
    const isDue = (path: string): boolean =>
      pollingInterval(context.config, store.config.name, path) === intervalMs;
    const answered = await poll(store, [...users.keys()].filter(isDue), users, signal);
    failures = answered ? 0 : failures + 1;
    await listenToUsed(store, users, signal);
  }
}

function over(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(Math.min(ms, LONGEST_TIMER_MS), false, { signal }).catch(() => true);
}

/** Path of each secret of the store to the tracked projects that were given it. */
async function usersOf({ watch, config }: Store): Promise<Users> {
  const prefix = `${config.name}:`;
  const users = new Map<string, Set<string>>();
  // One whose state cannot be read is told of by its own pass.
  for (const { name, secrets } of await watch.context.state.projects(() => undefined)) {
    if (!watch.tracked.has(name)) continue;
    for (const secret of secrets.filter((one) => one.startsWith(prefix))) {
      const { path } = secretIdOf(secret);
      users.set(path, (users.get(path) ?? new Set()).add(name));
    }
  }
  return users;
}

/** Answers whether the store has answered. What it says otherwise than before becomes a trigger. */
async function poll(
  store: Store,
  paths: readonly string[],
  users: Users,
  signal: AbortSignal,
): Promise<boolean> {
  const { name } = store.config;
  const { context, queue } = store.watch;
  store.cache.stores.get(name)?.retain(new Set(users.keys()));
  if (paths.length === 0) return true;
  try {
    await context.providers.get(name);
    const known = store.cache.stores.get(name);
    if (known === undefined) return true;
    const changed = await known.poll(paths, signal);
    // What has failed meanwhile is another attempt now.
    const news = isBack(store) ? users.keys() : changed;
    for (const path of news) {
      for (const project of users.get(path) ?? []) queue.trigger(project, "secrets");
    }
    return true;
  } catch (error) {
    if (signal.aborted) return true;
    if (!(error instanceof DsoError)) throw error;
    tellAway(store, error);
    return false;
  }
}

function isBack(store: Store): boolean {
  const { away, config, watch } = store;
  store.away = false;
  if (away) {
    const msg = `Provider ${config.name} answers again`;
    watch.log({ level: "info", msg, provider: config.name });
  }
  return away;
}

function tellAway(store: Store, error: DsoError): void {
  const { away, config, watch } = store;
  store.away = true;
  if (away) return;
  watch.log({ ...fault(error), level: "warn", provider: config.name });
}

/** Where the store can tell of changes by itself: of what is used now. */
async function listenToUsed(store: Store, users: Users, signal: AbortSignal): Promise<void> {
  const paths = [...users.keys()].sort();
  const heard = JSON.stringify(paths);
  if (store.away || store.heard === heard || signal.aborted) return;
  store.stop.abort();
  Object.assign(store, { heard: undefined, stop: new AbortController() });
  if (paths.length === 0) return;
  const provider = await store.watch.context.providers
    .get(store.config.name)
    .catch((error: unknown) => {
      // The poll says so.
      if (error instanceof DsoError) return undefined;
      throw error;
    });
  if (provider?.watch === undefined) return;
  store.heard = heard;
  const until = AbortSignal.any([signal, store.stop.signal]);
  inBackground(store.watch, listen(store, provider, paths, until));
}

/** One that held so long was well: what ends it then is a first trouble. */
const WELL_MS = 60_000;

async function listen(
  store: Store,
  provider: SecretProvider,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const hinted = new Set<string>();
  const changed = (path: string): void => {
    const isFirst = hinted.size === 0;
    hinted.add(path);
    if (isFirst) inBackground(store.watch, lookAt(store, hinted, signal));
  };
  for (let failures = 1; ; failures++) {
    const begun = performance.now();
    try {
      await provider.watch?.(paths, changed, signal);
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof DsoError)) throw error;
      if (performance.now() - begun > WELL_MS) failures = 1;
      // The polls go on, and say whether the store as such is away.
      if (failures === 1) store.watch.log({ ...fault(error), level: "warn" });
    }
    if (await over(pauseMs(failures, Math.random()), signal)) return;
  }
}

/** Somebody says that these have changed: the store is asked, once for all that is said in a moment. */
async function lookAt(store: Store, hinted: Set<string>, signal: AbortSignal): Promise<void> {
  if (await over(HINTS_MS, signal)) return;
  const paths = [...hinted];
  hinted.clear();
  const users = await usersOf(store);
  const used = paths.filter((path) => users.has(path));
  await poll(store, used, users, signal);
}
