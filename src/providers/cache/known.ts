/** What a store has last said of its secrets: asked again only when it is old, and holding on while the store is away. */
import { DsoError, type ErrorCode } from "../../model/errors.ts";
import {
  type Clock,
  requestKey,
  type SecretProvider,
  type SecretRequest,
  type UNSUPPORTED,
} from "../../model/ports.ts";
import type { Version } from "../../model/version.ts";

export type Told = Version | typeof UNSUPPORTED | DsoError;

/** What is known of one secret. */
export interface KnownSecret {
  readonly path: string;
  /** The last version that it had; undefined where the store has none, or never told one. */
  readonly version: Version | undefined;
  /** When the store said so, ms since the epoch. */
  readonly toldAt: number;
  /** What the store says of it now instead of a version. */
  readonly error: DsoError | undefined;
}

/** How it goes with one store. */
export interface Contact {
  readonly provider: string;
  /** When it last answered, ms since the epoch; undefined: never yet. */
  readonly answeredAt: number | undefined;
  /** Since when, and why, it is of no use; undefined: it answers. */
  readonly trouble: { readonly since: number; readonly error: DsoError } | undefined;
  /** Sorted by path; what is pinned is not among them, since it never changes. */
  readonly secrets: readonly KnownSecret[];
}

export interface KnownOptions {
  readonly clock: Clock;
  /** So long what was told of a secret is not asked again, ms. */
  readonly maxAgeMs: (path: string) => number;
}

export interface Known {
  /** As the port's. While the store is away: what it said last, where it has said something of all of them. */
  versions(
    requests: readonly SecretRequest[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Told>>;
  /** Asks, however new what is known. Answers the paths of which it says something else now. */
  poll(paths: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** What was told so far is asked again by whoever comes next. */
  renew(): void;
  /** Nobody uses any other secret any more. */
  retain(paths: ReadonlySet<string>): void;
  contact(): Contact;
}

/** The store as such: it may be well again in a minute, and nothing is said about the secrets. */
const AWAY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "provider-unreachable",
  "provider-throttled",
  "provider-auth",
]);
/** So soon after it was found away nobody who can do without waits for it again. */
const PAUSE_MS = 30_000;

interface Entry {
  readonly request: SecretRequest;
  readonly told: Told;
  /** The last version that was told, though there may be none now. */
  readonly version: Version | undefined;
  /** By the clock that never jumps; `-Infinity`: to be asked again. */
  asked: number;
  readonly toldAt: number;
}

interface State {
  readonly provider: SecretProvider;
  readonly options: KnownOptions;
  readonly entries: Map<string, Entry>;
  answeredAt: number | undefined;
  trouble: { readonly since: number; readonly error: DsoError; triedAt: number } | undefined;
}

export function createKnown(provider: SecretProvider, options: KnownOptions): Known {
  const state: State = {
    ...{ provider, options, entries: new Map(), answeredAt: undefined, trouble: undefined },
  };
  return {
    versions: (requests, signal) => versions(state, requests, signal),
    poll: (paths, signal) => poll(state, paths, signal),
    renew: () => {
      for (const entry of state.entries.values()) entry.asked = -Infinity;
      if (state.trouble !== undefined) state.trouble.triedAt = -Infinity;
    },
    retain: (paths) => {
      for (const [key, { request }] of state.entries) {
        if (!paths.has(request.path)) state.entries.delete(key);
      }
    },
    contact: () => contactOf(state),
  };
}

async function versions(
  state: State,
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Told>> {
  signal.throwIfAborted();
  const { entries, options, trouble } = state;
  const now = options.clock.elapsed();
  const isNew = (request: SecretRequest): boolean => {
    const entry = entries.get(requestKey(request));
    // Whoever is told of a fault mends it, and does not wait for the next poll then.
    if (entry === undefined || entry.told instanceof DsoError) return false;
    return entry.asked > now - options.maxAgeMs(request.path);
  };
  const old = requests.filter((request) => !isNew(request));
  const spared = trouble !== undefined && trouble.triedAt > now - PAUSE_MS;
  if (old.length > 0 && !(spared && areKnown(state, old))) {
    await ask(state, old, signal).catch((error: unknown) => {
      if (!isAway(error) || !areKnown(state, old)) throw error;
    });
  }
  return new Map(requests.map((request) => [requestKey(request), tellOf(state, request)]));
}

/** Something was said of each of them that a pass can work with. */
function areKnown({ entries }: State, requests: readonly SecretRequest[]): boolean {
  return requests.every((request) => entries.has(requestKey(request)));
}

function tellOf({ entries, provider }: State, request: SecretRequest): Told {
  const entry = entries.get(requestKey(request));
  if (entry === undefined) throw new Error(`${provider.name} left out ${requestKey(request)}`);
  return entry.told;
}

function isAway(error: unknown): error is DsoError {
  return error instanceof DsoError && AWAY.has(error.code);
}

/** Rejects as the store does; what is known then stays as it was. */
async function ask(
  state: State,
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<void> {
  const { clock } = state.options;
  try {
    const answers = await state.provider.versions(requests, signal);
    state.answeredAt = clock.now();
    state.trouble = undefined;
    for (const request of requests) {
      const told = answers.get(requestKey(request));
      if (told !== undefined) note(state, request, told);
    }
  } catch (error) {
    if (isAway(error)) {
      const since = state.trouble?.since ?? clock.now();
      state.trouble = { since, error, triedAt: clock.elapsed() };
    }
    throw error;
  }
}

function note({ entries, options }: State, request: SecretRequest, told: Told): void {
  const key = requestKey(request);
  const version = typeof told === "string" ? told : entries.get(key)?.version;
  const { clock } = options;
  entries.set(key, { request, told, version, asked: clock.elapsed(), toldAt: clock.now() });
}

async function poll(
  state: State,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const requests = paths.map((path) => ({ path }));
  const before = new Map(
    requests.map(({ path }) => [path, state.entries.get(requestKey({ path }))]),
  );
  await ask(state, requests, signal);
  return paths.filter((path) => {
    const known = before.get(path);
    return known !== undefined && saysOther(known.told, tellOf(state, { path }));
  });
}

function saysOther(before: Told, now: Told): boolean {
  if (before instanceof DsoError && now instanceof DsoError) return before.code !== now.code;
  return before !== now;
}

function contactOf({ provider, entries, answeredAt, trouble }: State): Contact {
  const newest = [...entries.values()].filter(({ request }) => request.pinned === undefined);
  const secrets = newest.map(({ request: { path }, version, toldAt, told }) => ({
    ...{ path, version, toldAt, error: told instanceof DsoError ? told : undefined },
  }));
  secrets.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    ...{ provider: provider.name, answeredAt, secrets },
    trouble: trouble && { since: trouble.since, error: trouble.error },
  };
}
