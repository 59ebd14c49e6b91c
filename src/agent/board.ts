/** What is known of the agent's work, for whoever asks; it outlives a lost engine. */
import { DsoError } from "../model/errors.ts";
import type { Passed } from "../reconciler/pass.ts";
import type { AgentStatus, Reconciled } from "./control.ts";
import type { Log, LogRecord } from "./log.ts";

interface Session {
  readonly ask: (project: string, cause: "asked" | "urgent") => Promise<Passed>;
  readonly dueIn: (project: string) => number | undefined;
}

interface TrackedName {
  readonly name: string;
  /** dso.yaml names it. */
  readonly declared: boolean;
}

type Last = Reconciled & { readonly at: string };

export interface Board {
  /** Of the engine, nanoseconds since the epoch as text; undefined before the first. */
  lastEvent: string | undefined;
  /** By store, what is wrong with its leases. */
  readonly leaseFaults: Map<string, DsoError>;
  /** A session has begun, or ended. */
  open(session: Session): void;
  close(): void;
  /** Why there is no session. */
  lost(why: string): void;
  track(projects: readonly TrackedName[]): void;
  /** Resolves once it is known which projects there are, or why not: what is asked before that waits. */
  known(): Promise<void>;
  note(project: string, last: Last): void;
  tell(project: string, record: LogRecord): void;
  unknown(project: string): DsoError;
  /** With `again`, what failed is tried once more. */
  reconcile(project: string, again: boolean, tell: Log): Promise<Reconciled>;
  view(): Pick<AgentStatus, "projects" | "engineError" | "leases">;
}

interface State {
  readonly listeners: Map<string, Set<Log>>;
  readonly last: Map<string, Last>;
  readonly known: PromiseWithResolvers<void>;
  tracked: readonly TrackedName[];
  session: Session | undefined;
  why: string | undefined;
  /** Of those who ask while one session has ended and the next has not begun. */
  waiting: PromiseWithResolvers<void>;
}

export function createBoard(): Board {
  const state: State = {
    ...{ listeners: new Map(), last: new Map(), tracked: [], known: Promise.withResolvers() },
    ...{ session: undefined, why: undefined, waiting: Promise.withResolvers() },
  };
  const leaseFaults: Board["leaseFaults"] = new Map();
  const settle = (change: Partial<State>): void => {
    Object.assign(state, change);
    state.waiting.resolve();
    state.waiting = Promise.withResolvers();
  };
  return {
    lastEvent: undefined,
    leaseFaults,
    open: (session) => settle({ session, why: undefined }),
    close: () => (state.session = undefined),
    lost: (why) => {
      settle({ why });
      state.known.resolve();
    },
    track: (projects) => {
      state.tracked = projects;
      state.known.resolve();
    },
    known: () => state.known.promise,
    note: (project, passed) => void state.last.set(project, passed),
    tell: (project, record) => {
      for (const listener of state.listeners.get(project) ?? []) listener(record);
    },
    unknown: (project) => unknown(state, project),
    reconcile: (project, again, tell) => reconcile(state, project, again, tell),
    view: () => ({ ...view(state), leases: faultsOf(leaseFaults) }),
  };
}

function unknown({ tracked }: State, project: string): DsoError {
  return new DsoError("usage", `The agent does not look after a project ${project}.`, {
    hint:
      tracked.length === 0
        ? "It has none yet: dso up."
        : `It has ${tracked.map(({ name }) => name).join(", ")}.`,
  });
}

async function reconcile(
  state: State,
  project: string,
  again: boolean,
  tell: Log,
): Promise<Reconciled> {
  const { listeners } = state;
  const own = listeners.get(project) ?? new Set();
  listeners.set(project, own.add(tell));
  try {
    for (;;) {
      const session = await current(state);
      if (state.tracked.every(({ name }) => name !== project)) throw unknown(state, project);
      try {
        return reconciledOf(await session.ask(project, again ? "asked" : "urgent"));
      } catch (error) {
        // It ended before it came to that; the next one does it.
        if (state.session === session) throw error;
      }
    }
  } finally {
    own.delete(tell);
  }
}

/** One that has just ended is followed by the next, unless the engine is away. */
async function current(state: State): Promise<Session> {
  while (state.session === undefined) {
    if (state.why !== undefined) {
      throw new DsoError("engine-unreachable", state.why, {
        hint: "The agent looks at all projects as soon as the engine answers.",
      });
    }
    await state.waiting.promise;
  }
  return state.session;
}

function view({ why, tracked, last, session }: State): ReturnType<Board["view"]> {
  return {
    ...(why === undefined ? {} : { engineError: why }),
    projects: tracked.map(({ name, declared }) => {
      const [passed, dueInMs] = [last.get(name), session?.dueIn(name)];
      return {
        ...{ name, declared, ...(passed === undefined ? {} : { last: passed }) },
        ...(dueInMs === undefined ? {} : { dueInMs: Math.round(dueInMs) }),
      };
    }),
  };
}

function faultsOf(faults: Board["leaseFaults"]): NonNullable<AgentStatus["leases"]> {
  const sorted = [...faults].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([provider, { code, message }]) => ({ provider, code, message }));
}

export function reconciledOf({ outcome, summary, error, left }: Passed): Reconciled {
  return {
    ...{ outcome, summary, left: left.map(({ address, why }) => `${address}: ${why}`) },
    ...(error === undefined ? {} : { code: error.code }),
    ...(error?.hint === undefined ? {} : { hint: error.hint }),
  };
}
