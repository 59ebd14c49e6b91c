/** What an agent does with credentials that are issued for a time. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Board, createBoard } from "../../src/agent/board.ts";
import { keepLeases } from "../../src/agent/leases.ts";
import type { LogRecord } from "../../src/agent/log.ts";
import { STIRRED, type Watch } from "../../src/agent/watch.ts";
import { parseConfig } from "../../src/config/load.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { Tended } from "../../src/model/leases.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { createProviders } from "../../src/providers/registry.ts";
import type { RegisteredProject } from "../../src/reconciler/state.ts";
import { createFakeLeased, type FakeLeased } from "../fakes/leased.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never } from "../reconciler/world.ts";
import { until } from "./agency.ts";

const CONFIG = `providers:
  db: { type: vault, engine: database, addr: "http://v" }
  hung: { type: vault, engine: database, addr: "http://w" }`;

interface Scene {
  readonly board: Board;
  readonly store: FakeLeased;
  readonly triggered: string[];
  readonly records: LogRecord[];
  /** How often it has looked. */
  readonly looks: () => number;
  /** What was written is heard of; resolves when it was looked at. */
  readonly stir: () => Promise<void>;
  readonly answer: { nextAt: number | undefined };
}

/** Beside the other, for all the time: nothing comes of it. */
const hanging: SecretProvider = {
  ...createFakeLeased("hung", Date.now),
  leases: {
    ...createFakeLeased("hung", Date.now).leases,
    tend: (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      }),
  },
};

async function withKeeper(
  work: (scene: Scene) => Promise<void>,
  changed = (store: SecretProvider): SecretProvider => store,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  const store = createFakeLeased("db", () => world.context.clock.now());
  const answer: Scene["answer"] = { nextAt: undefined };
  let looks = 0;
  const counted = {
    ...store,
    leases: {
      ...store.leases,
      tend: async (signal: AbortSignal): Promise<Tended> => {
        looks++;
        return { ...(await store.leases.tend(signal)), nextAt: answer.nextAt };
      },
    },
  };
  const stores = [
    ["db", () => Promise.resolve(changed(counted))],
    ["hung", () => Promise.resolve(hanging)],
  ] as const;
  const providers = createProviders(new Map(stores), "db");
  const config = await parseConfig(CONFIG, join(directory.path, "dso.yaml"));
  const context = { ...world.context, config, providers };
  const { id: engineId } = await world.engine.info(never);
  for (const [name, secrets] of [
    ["shop", ["db:app"]],
    ["other", ["db:another"]],
  ] as const) {
    const project = { name, engineId, secrets, appliedAt: "2026-01-01T00:00:00Z" };
    await context.state.register(project as unknown as RegisteredProject);
  }
  const [triggered, records]: [string[], LogRecord[]] = [[], []];
  const board = createBoard();
  const watch = {
    ...{ context, board, leases: new EventTarget(), tracked: new Set(["shop", "other"]) },
    log: (record: LogRecord) => void records.push(record),
    queue: { trigger: (name: string, cause: string) => void triggered.push(`${name} ${cause}`) },
  } as unknown as Watch;
  await store.read([{ path: "app" }], never);
  const stop = new AbortController();
  const kept = keepLeases(watch, stop.signal);
  const stir = async (): Promise<void> => {
    const before = looks;
    watch.leases.dispatchEvent(new Event(STIRRED));
    await until(
      () => looks > before + 1 || (watch.leases.dispatchEvent(new Event(STIRRED)), false),
    );
  };
  await until(() => looks > 0);
  try {
    await work({ board, store, triggered, records, looks: () => looks, stir, answer });
  } finally {
    stop.abort();
    await kept;
  }
}

it("what is due has the projects looked at that use it, and no others, once", () =>
  withKeeper(async ({ store, triggered, stir }) => {
    await stir();
    expect(triggered).toEqual([]);
    store.due("app");
    await stir();
    await stir();
    expect(triggered).toEqual(["shop secrets"]);
    await store.read([{ path: "app" }], never);
    await stir();
    expect(triggered).toEqual(["shop secrets"]);
  }));

it("what nobody has any more is given back, and that is told", () =>
  withKeeper(async ({ store, records, stir }) => {
    store.due("app");
    await store.read([{ path: "app" }], never);
    await stir();
    expect(store.ended).toEqual(["app@g1"]);
    expect(records.map(({ msg }) => msg)).toContain("Credentials db:app g1 were given back");
    expect([...store.held.keys()]).toEqual(["app@g2"]);
  }));

it("what is wrong is told once, and again after it was right", () =>
  withKeeper(async ({ board, store, records, stir }) => {
    const away = new DsoError("provider-unreachable", "nobody listens there");
    const told = (): number => records.filter(({ msg }) => msg === away.message).length;
    store.fail(away);
    await stir();
    await stir();
    expect(told()).toBe(1);
    const { code, message } = away;
    expect(board.view().leases).toEqual([{ provider: "db", code, message }]);
    store.fail(undefined);
    await stir();
    expect(board.view().leases).toEqual([]);
    store.fail(away);
    await stir();
    expect(told()).toBe(2);
  }));

it("a time that is longer than a timer can be is no reason to look without a pause", () =>
  withKeeper(async ({ answer, looks, stir }) => {
    answer.nextAt = Number.MAX_SAFE_INTEGER;
    await stir();
    const before = looks();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(looks()).toBeLessThan(before + 3);
  }));

interface Seen {
  readonly triggered: readonly string[];
  readonly told: readonly string[];
}

describe("what cannot be known for now", () => {
  const unread = new DsoError("state-corrupt", "leases-db.json cannot be read");
  const after = async (broken: (store: SecretProvider) => SecretProvider): Promise<Seen> => {
    let isBroken = false;
    let found: Seen = { triggered: [], told: [] };
    await withKeeper(
      async ({ records, triggered, stir }) => {
        await stir();
        isBroken = true;
        await stir();
        await stir();
        isBroken = false;
        await stir();
        found = { triggered, told: records.map(({ msg }) => msg) };
      },
      (store) => {
        const other = broken(store);
        const now = (): SecretProvider => (isBroken ? other : store);
        return {
          ...store,
          versions: (requests, signal) => now().versions(requests, signal),
          leases: { ...store.leases!, list: () => now().leases!.list() },
        };
      },
    );
    return found;
  };

  it("was not given back, and is looked at by nobody: a list that cannot be read", async () => {
    const list = (): Promise<never> => Promise.reject(unread);
    const { told, triggered } = await after((store) => ({
      ...store,
      leases: { ...store.leases!, list },
    }));
    expect([told, triggered]).toEqual([["Credentials db:app g1 are held", unread.message], []]);
  });

  it("ends nothing: a version that is not told", async () => {
    const versions = (): Promise<never> => Promise.reject(unread);
    const { told, triggered } = await after((store) => ({ ...store, versions }));
    expect([told, triggered]).toEqual([["Credentials db:app g1 are held", unread.message], []]);
  });
});
