/** Values in memory: each version of a secret is read once, by one, and overwritten when its time is over. */
import { abortable } from "../../lib/together.ts";
import { LONGEST_TIMER_MS } from "../../model/duration.ts";
import { DsoError } from "../../model/errors.ts";
import {
  requestKey,
  type SecretData,
  type SecretProvider,
  type SecretRequest,
} from "../../model/ports.ts";
import { Secret } from "../../model/secret.ts";
import { dropUnused } from "../answers.ts";

export interface ValueLimits {
  /** So long a value is kept after it was read, ms. */
  readonly ttlMs: number;
  /** The most that all values together may take, and the most that one secret may. */
  readonly maxCacheBytes: number;
  readonly maxSecretBytes: number;
}

export interface Values {
  /** As the port's `read`: the caller owns what it gets. Rejects as the store does. */
  read(
    provider: SecretProvider,
    requests: readonly SecretRequest[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, SecretData | DsoError>>;
  usage(): ValueUsage;
  /** Overwrites all of them. */
  close(): void;
}

export interface ValueUsage {
  readonly entries: number;
  readonly bytes: number;
  /** Answered out of memory, and asked of a store. */
  readonly hits: number;
  readonly misses: number;
}

interface Kept {
  readonly data: SecretData;
  readonly bytes: number;
  readonly timer: NodeJS.Timeout;
}

/** One request to a store that several may wait for. */
interface Flight {
  readonly answers: Promise<ReadonlyMap<string, SecretData | DsoError>>;
  readonly stop: AbortController;
  waiting: number;
}

interface State {
  readonly limits: ValueLimits;
  /** The one that was used last stands last. */
  readonly kept: Map<string, Kept>;
  readonly flights: Map<string, Flight>;
  bytes: number;
  hits: number;
  misses: number;
  closed: boolean;
}

export function createValues(limits: ValueLimits): Values {
  const state: State = {
    ...{ limits, kept: new Map(), flights: new Map(), bytes: 0, hits: 0, misses: 0 },
    closed: false,
  };
  return {
    read: (provider, requests, signal) => read(state, provider, requests, signal),
    usage: () => {
      const { kept, bytes, hits, misses } = state;
      return { entries: kept.size, bytes, hits, misses };
    },
    close: () => {
      state.closed = true;
      for (const key of [...state.kept.keys()]) forget(state, key);
    },
  };
}

async function read(
  state: State,
  provider: SecretProvider,
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SecretData | DsoError>> {
  signal.throwIfAborted();
  const found = new Map<string, SecretData | DsoError>();
  const joined = new Map<string, Flight>();
  const missing: SecretRequest[] = [];
  for (const request of requests) {
    const key = keyOf(provider, request);
    const kept = use(state, key);
    const flight = state.flights.get(key);
    if (kept !== undefined) found.set(requestKey(request), copyOf(kept));
    else if (flight !== undefined) joined.set(requestKey(request), flight);
    else missing.push(request);
  }
  state.hits += found.size + joined.size;
  state.misses += missing.length;
  if (missing.length > 0) {
    const flight = begin(state, provider, missing);
    for (const request of missing) joined.set(requestKey(request), flight);
  }
  return collect(state, found, joined, signal);
}

/** With what those bring that are waited for; where one brings nothing, nothing is left of the others. */
async function collect(
  state: State,
  found: Map<string, SecretData | DsoError>,
  joined: ReadonlyMap<string, Flight>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SecretData | DsoError>> {
  const groups = [...Map.groupBy(joined, ([, flight]) => flight)];
  const landed = await Promise.allSettled(
    groups.map(([flight, group]) =>
      wait(state, flight, new Set(group.map(([key]) => key)), signal),
    ),
  );
  for (const one of landed) {
    if (one.status === "fulfilled") for (const [key, answer] of one.value) found.set(key, answer);
  }
  const failed = landed.find(({ status }) => status === "rejected");
  if (failed?.status !== "rejected") return found;
  dropUnused([...found.values()].filter(isData), new Set());
  throw failed.reason;
}

/** Starts it; nobody waits yet. What it brings belongs to us, and each who waits takes a copy. */
function begin(state: State, provider: SecretProvider, requests: readonly SecretRequest[]): Flight {
  const stop = new AbortController();
  const answers = provider.read(requests, stop.signal);
  const flight: Flight = { answers, stop, waiting: 0 };
  const landed = (brought?: ReadonlyMap<string, SecretData | DsoError>): void => {
    for (const request of requests) {
      const key = keyOf(provider, request);
      if (state.flights.get(key) === flight) state.flights.delete(key);
      if (brought !== undefined) keep(state, provider, request, brought);
    }
  };
  for (const request of requests) state.flights.set(keyOf(provider, request), flight);
  // By then those who wait have taken their copies.
  answers.then(
    (brought) => setImmediate(landed, brought),
    () => landed(),
  );
  return flight;
}

async function wait(
  state: State,
  flight: Flight,
  keys: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly (readonly [string, SecretData | DsoError])[]> {
  flight.waiting++;
  const copied = flight.answers.then((answers) =>
    [...answers]
      .filter(([key]) => keys.has(key) && !signal.aborted)
      .map(([key, answer]) => [key, isData(answer) ? copyOf(answer) : answer] as const),
  );
  try {
    return await abortable(copied, signal);
  } finally {
    flight.waiting--;
    if (flight.waiting === 0) leave(state, flight, signal);
  }
}

/** Nobody waits any more: whoever wants it later asks anew. */
function leave({ flights }: State, flight: Flight, { aborted, reason }: AbortSignal): void {
  if (!aborted) return;
  for (const [key, one] of flights) if (one === flight) flights.delete(key);
  flight.stop.abort(reason);
}

/** Only what is pinned never changes; what is too large is read each time. */
function keep(
  state: State,
  provider: SecretProvider,
  request: SecretRequest,
  brought: ReadonlyMap<string, SecretData | DsoError>,
): void {
  const { limits, kept } = state;
  const data = brought.get(requestKey(request));
  if (data === undefined || !isData(data)) return;
  const bytes = [...data.values.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  const key = keyOf(provider, request);
  const fits = !state.closed && bytes <= Math.min(limits.maxSecretBytes, limits.maxCacheBytes);
  if (request.pinned === undefined || !fits || kept.has(key)) {
    dropUnused([data], new Set());
    return;
  }
  for (const oldest of kept.keys()) {
    if (state.bytes + bytes <= limits.maxCacheBytes) break;
    forget(state, oldest);
  }
  const timer = setTimeout(
    () => forget(state, key),
    Math.min(limits.ttlMs, LONGEST_TIMER_MS),
  ).unref();
  kept.set(key, { data, bytes, timer });
  state.bytes += bytes;
}

function use({ kept }: State, key: string): SecretData | undefined {
  const found = kept.get(key);
  if (found === undefined) return undefined;
  kept.delete(key);
  kept.set(key, found);
  return found.data;
}

function forget(state: State, key: string): void {
  const found = state.kept.get(key);
  if (found === undefined) return;
  clearTimeout(found.timer);
  state.kept.delete(key);
  state.bytes -= found.bytes;
  dropUnused([found.data], new Set());
}

function copyOf({ version, values }: SecretData): SecretData {
  const copies = [...values].map(
    ([key, value]) => [key, new Secret(Buffer.from(value.reveal()))] as const,
  );
  return { version, values: new Map(copies) };
}

function isData(answer: SecretData | DsoError): answer is SecretData {
  return !(answer instanceof DsoError);
}

function keyOf({ name }: SecretProvider, request: SecretRequest): string {
  return `${name}:${requestKey(request)}`;
}
