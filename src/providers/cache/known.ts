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
  /** Sorted by path; pinned ones are not among them. */
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
  /** Asks, however new what is known; rejects as the store does. Answers whether it says something else than before. */
  ask(paths: readonly string[], signal: AbortSignal): Promise<boolean>;
  /** The same for whoever tells others: the paths of which it says something else than at the last poll. */
  poll(paths: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** Nobody uses any other secret any more. */
  retain(paths: ReadonlySet<string>): void;
  contact(): Contact;
  /** What the same store has said to one that was here before. */
  inherit(before: Known): void;
  readonly state: KnownState;
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
  /** When it was asked, by the clock that never jumps: an answer to an older question is none to a newer one. */
  readonly asked: number;
  readonly order: number;
  readonly toldAt: number;
  /** What the last poll has said, or whoever asked first. */
  announced: Told;
}

export interface KnownState {
  readonly entries: Map<string, Entry>;
  answeredAt: number | undefined;
  trouble:
    { readonly since: number; readonly error: DsoError; readonly triedAt: number } | undefined;
  /** Of the questions so far. */
  order: number;
}

interface Asking {
  readonly provider: SecretProvider;
  readonly options: KnownOptions;
  readonly state: KnownState;
}

type Answers = ReadonlyMap<string, Told>;

export function createKnown(provider: SecretProvider, options: KnownOptions): Known {
  const state: KnownState = {
    ...{ entries: new Map(), answeredAt: undefined, trouble: undefined, order: 0 },
  };
  const asking = { provider, options, state };
  return {
    state,
    versions: (requests, signal) => versions(asking, requests, signal),
    ask: async (paths, signal) => {
      const requests = requestsOf(state, paths);
      const before = requests.map((request) => state.entries.get(requestKey(request))?.told);
      const answers = await ask(asking, requests, signal);
      return requests.some((request, at) =>
        saysOther(before[at], answers.get(requestKey(request))),
      );
    },
    poll: (paths, signal) => poll(asking, paths, signal),
    retain: (paths) => {
      for (const [key, { request }] of state.entries) {
        if (!paths.has(request.path)) state.entries.delete(key);
      }
    },
    contact: () => contactOf(asking),
    inherit: ({ state: before }) => {
      Object.assign(state, before);
    },
  };
}

async function versions(
  asking: Asking,
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<Answers> {
  signal.throwIfAborted();
  const { entries, trouble } = asking.state;
  const now = asking.options.clock.elapsed();
  // Noted before anything is waited for: meanwhile somebody may forget it.
  const known = requests.flatMap((request) => entries.get(requestKey(request)) ?? []);
  const told = new Map<string, Told>();
  for (const entry of known) told.set(requestKey(entry.request), entry.told);
  const fresh = new Set(
    known.filter((entry) => isFresh(asking, entry, now)).map(({ request }) => requestKey(request)),
  );
  const old = requests.filter((request) => !fresh.has(requestKey(request)));
  const canDoWithout = old.every((request) => told.has(requestKey(request)));
  const isSpared =
    trouble !== undefined && trouble.triedAt > now - PAUSE_MS && isAway(trouble.error);
  if (old.length === 0 || (canDoWithout && isSpared)) return told;
  try {
    for (const [key, answer] of await ask(asking, old, signal)) told.set(key, answer);
  } catch (error) {
    if (!canDoWithout || !isAway(error)) throw error;
  }
  return told;
}

function isFresh({ options }: Asking, { request, told, asked }: Entry, now: number): boolean {
  // Whoever is told of a fault mends it, and does not wait for the next poll then.
  return !(told instanceof DsoError) && asked > now - options.maxAgeMs(request.path);
}

function isAway(error: unknown): error is DsoError {
  return error instanceof DsoError && AWAY.has(error.code);
}

/** One answer for each, the newest there is. Rejects as the store does; what is known then stays as it was. */
async function ask(
  asking: Asking,
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<Answers> {
  const { options, provider, state } = asking;
  const { clock } = options;
  const [order, asked] = [++state.order, clock.elapsed()];
  try {
    const answers = await provider.versions(requests, signal);
    state.answeredAt = clock.now();
    state.trouble = undefined;
    return new Map(
      requests.map((request) => {
        const told = answers.get(requestKey(request));
        if (told === undefined) throw new Error(`${provider.name} left out ${request.path}`);
        return [requestKey(request), note(asking, { request, told, order, asked })];
      }),
    );
  } catch (error) {
    if (error instanceof DsoError && !signal.aborted) {
      const since = state.trouble?.since ?? clock.now();
      state.trouble = { since, error, triedAt: clock.elapsed() };
    }
    throw error;
  }
}

/** What is true of it now: an answer that comes late is no news. */
function note(
  { state: { entries }, options }: Asking,
  answer: Pick<Entry, "request" | "told" | "order" | "asked">,
): Told {
  const { request, told } = answer;
  const key = requestKey(request);
  const before = entries.get(key);
  if (before !== undefined && before.order > answer.order) return before.told;
  const version = typeof told === "string" ? told : before?.version;
  const announced = before === undefined ? told : before.announced;
  entries.set(key, { ...answer, version, announced, toldAt: options.clock.now() });
  return told;
}

/** What is pinned by a name may move with the secret. */
function requestsOf({ entries }: KnownState, paths: readonly string[]): readonly SecretRequest[] {
  const wanted = new Set(paths);
  const pinned = [...entries.values()].flatMap(({ request }) =>
    request.pinned !== undefined && wanted.has(request.path) ? [request] : [],
  );
  return [...paths.map((path) => ({ path })), ...pinned];
}

async function poll(
  asking: Asking,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const requests = requestsOf(asking.state, paths);
  await ask(asking, requests, signal);
  const news = new Set<string>();
  for (const request of requests) {
    const entry = asking.state.entries.get(requestKey(request));
    if (entry === undefined) continue;
    if (saysOther(entry.announced, entry.told)) news.add(request.path);
    entry.announced = entry.told;
  }
  return [...news];
}

function saysOther(before: Told | undefined, now: Told | undefined): boolean {
  if (before instanceof DsoError && now instanceof DsoError) return before.code !== now.code;
  return before !== now;
}

function contactOf({ provider, state }: Asking): Contact {
  const { entries, answeredAt, trouble } = state;
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
