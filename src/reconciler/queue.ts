/**
 * Which project is looked at, and when. A trigger carries nothing but a name, so that bursts fold
 * into one run, and nothing that is lost in a burst stays lost. One run per project at a time.
 */
import {
  begin as letBegin,
  type Cause,
  conclude,
  heed,
  newPace,
  nextDue,
  type Outcome,
  type Pace,
} from "./pace.ts";

export interface QueueOptions<V> {
  /** Looks at one project. A rejection counts as `failed`. */
  readonly run: (
    key: string,
    causes: ReadonlySet<Cause>,
  ) => Promise<V & { readonly outcome: Outcome }>;
  /** Runs at the same time, in all. */
  readonly concurrency: number;
  /** So long it has to be quiet before a run, ms. */
  readonly quietMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface Queue<V> {
  trigger(key: string, cause: Cause): void;
  /** A run that begins after this call, and at once where there is room. Rejects as the run does. */
  ask(key: string, cause: "asked" | "urgent"): Promise<V>;
  /** Milliseconds until it is looked at again; undefined where nothing is planned; 0: it is at work. */
  dueIn(key: string): number | undefined;
  /** Nothing more begins; resolves when nothing runs any more. */
  close(): Promise<void>;
}

interface Lane<V> {
  readonly pace: Pace;
  askers: PromiseWithResolvers<V>[];
  running: boolean;
  due: number | undefined;
  timer: NodeJS.Timeout | undefined;
}

interface State<V> {
  readonly options: QueueOptions<V>;
  readonly lanes: Map<string, Lane<V>>;
  /** Due, and waiting for room. */
  readonly ready: string[];
  readonly running: Set<Promise<void>>;
  closed: boolean;
}

export function createQueue<V>(options: QueueOptions<V>): Queue<V> {
  const state: State<V> = {
    ...{ options, lanes: new Map(), ready: [], running: new Set(), closed: false },
  };
  return {
    trigger: (key, cause) => {
      trigger(state, key, cause);
    },
    ask: (key, cause) => {
      if (state.closed) return Promise.reject(new Error("the queue is closed"));
      const asker = Promise.withResolvers<V>();
      laneOf(state, key).askers.push(asker);
      trigger(state, key, cause);
      return asker.promise;
    },
    dueIn: (key) => {
      const lane = state.lanes.get(key);
      if (lane?.running === true) return 0;
      return lane?.due === undefined ? undefined : Math.max(0, lane.due - performance.now());
    },
    close: () => close(state),
  };
}

function laneOf<V>({ lanes }: State<V>, key: string): Lane<V> {
  const known = lanes.get(key);
  if (known !== undefined) return known;
  const lane = { pace: newPace(), askers: [], running: false, due: undefined, timer: undefined };
  lanes.set(key, lane);
  return lane;
}

function trigger<V>(state: State<V>, key: string, cause: Cause): void {
  if (state.closed) return;
  const lane = laneOf(state, key);
  heed(lane.pace, cause, performance.now());
  if (!lane.running) arm(state, key, lane);
}

function arm<V>(state: State<V>, key: string, lane: Lane<V>): void {
  const { quietMs, random } = state.options;
  const now = performance.now();
  // What failed waits for its own time, whoever looks in meanwhile.
  if (lane.pace.causes.size === 0 && lane.due !== undefined) return;
  clearTimeout(lane.timer);
  lane.due = nextDue(lane.pace, quietMs, now, random());
  if (lane.due === undefined) return;
  lane.timer = setTimeout(() => begin(state, key, lane), lane.due - now);
}

function begin<V>(state: State<V>, key: string, lane: Lane<V>): void {
  const { running, ready, options } = state;
  if (state.closed || lane.running) return;
  if (running.size >= options.concurrency) {
    if (!ready.includes(key)) ready.push(key);
    return;
  }
  const work = carryOut(state, key, lane).finally(() => {
    running.delete(work);
    beginNext(state);
  });
  running.add(work);
}

/** Who waits for room, and has not been edited since. */
function beginNext<V>(state: State<V>): void {
  for (let key = state.ready.shift(); key !== undefined; key = state.ready.shift()) {
    const lane = laneOf(state, key);
    // Its timer stands: it comes back by itself.
    if (lane.due !== undefined && lane.due > performance.now()) continue;
    begin(state, key, lane);
    return;
  }
}

async function carryOut<V>(state: State<V>, key: string, lane: Lane<V>): Promise<void> {
  const { pace, askers } = lane;
  const causes = letBegin(pace);
  Object.assign(lane, { askers: [], running: true, due: undefined });
  try {
    const result = await state.options.run(key, causes);
    conclude(pace, causes, result.outcome, performance.now());
    for (const { resolve } of askers) resolve(result);
  } catch (error) {
    conclude(pace, causes, "failed", performance.now());
    for (const { reject } of askers) reject(error);
  }
  lane.running = false;
  if (!state.closed) arm(state, key, lane);
}

async function close<V>(state: State<V>): Promise<void> {
  state.closed = true;
  for (const { timer } of state.lanes.values()) clearTimeout(timer);
  while (state.running.size > 0) await Promise.all(state.running);
  for (const { askers } of state.lanes.values()) {
    for (const { reject } of askers) reject(new Error("the queue was closed"));
  }
}
