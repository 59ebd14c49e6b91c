import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Cause, Outcome } from "../../src/reconciler/pace.ts";
import { createQueue, type Queue } from "../../src/reconciler/queue.ts";

const QUIET_MS = 5000;

interface Ran {
  readonly key: string;
  readonly causes: readonly Cause[];
  /** Seconds since the beginning. */
  readonly at: number;
}

interface Scene {
  readonly queue: Queue<unknown>;
  readonly ran: Ran[];
  /** What the next runs come to; `quiet` where nothing is said. */
  readonly outcomes: Outcome[];
  /** Runs that have begun wait here until a test lets them end. */
  readonly held: { readonly key: string; readonly end: () => void }[];
}

function scene({ concurrency = 2, hold = false } = {}): Scene {
  const [ran, outcomes, held]: [Ran[], Outcome[], Scene["held"]] = [[], [], []];
  const start = Date.now();
  const queue = createQueue({
    run: async (key, causes) => {
      ran.push({ key, causes: [...causes].sort(), at: (Date.now() - start) / 1000 });
      if (hold) await new Promise<void>((end) => held.push({ key, end }));
      return { outcome: outcomes.shift() ?? "quiet" };
    },
    ...{ concurrency, quietMs: QUIET_MS, random: () => 0.5 },
  });
  return { queue, ran, outcomes, held };
}

const pass = (seconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(seconds * 1000);

describe("the queue of projects", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("folds a burst into one run, once it is quiet", async () => {
    const { queue, ran } = scene();
    for (let second = 0; second < 4; second++) {
      queue.trigger("shop", second % 2 === 0 ? "files" : "secrets");
      await pass(1);
    }
    await pass(10);
    expect(ran).toEqual([{ key: "shop", causes: ["files", "secrets"], at: 8 }]);
  });

  it("waits for quiet no longer than half a minute", async () => {
    const { queue, ran } = scene();
    for (let second = 0; second < 40; second++) {
      queue.trigger("shop", "files");
      await pass(1);
    }
    expect(ran[0]?.at).toBe(30);
  });

  it("begins at once where a person asks, and answers with that run", async () => {
    const { queue, ran, outcomes } = scene();
    outcomes.push("worked");
    queue.trigger("shop", "files");
    const asked = queue.ask("shop", "asked");
    await pass(0);
    expect(await asked).toEqual({ outcome: "worked" });
    expect(ran).toEqual([{ key: "shop", causes: ["asked", "files"], at: 0 }]);
    await pass(60);
    expect(ran).toHaveLength(1);
  });

  it("reads no files that are being written, whatever else is the matter", async () => {
    const { queue, ran } = scene();
    for (let second = 0; second < 20; second++) {
      queue.trigger("shop", "files");
      queue.trigger("shop", second % 2 === 0 ? "engine" : "start");
      await pass(1);
    }
    await pass(QUIET_MS / 1000);
    expect(ran.map(({ at }) => at)).toEqual([24]);
  });

  it("comes back soon where somebody else was at it, and hears of containers meanwhile", async () => {
    const { queue, ran, outcomes } = scene();
    outcomes.push("busy", "busy");
    queue.trigger("shop", "start");
    await pass(60);
    expect(ran.map(({ at }) => at)).toEqual([0, 5, 10]);
  });

  it("never looks at one project twice at a time, and misses nothing meanwhile", async () => {
    const { queue, ran, held } = scene({ hold: true });
    queue.trigger("shop", "start");
    await pass(1);
    queue.trigger("shop", "files");
    await pass(60);
    expect(ran).toHaveLength(1);
    held[0]?.end();
    await pass(QUIET_MS / 1000);
    expect(ran.map(({ causes }) => causes)).toEqual([["start"], ["files"]]);
  });

  it("gives whoever asks while it is at work a run of their own", async () => {
    const { queue, held, outcomes } = scene({ hold: true });
    queue.trigger("shop", "start");
    await pass(0);
    const asked = queue.ask("shop", "asked");
    outcomes.push("quiet", "worked");
    held[0]?.end();
    await pass(0);
    held[1]?.end();
    expect(await asked).toEqual({ outcome: "worked" });
  });

  it("keeps to the number of runs, first come first served", async () => {
    const { queue, ran, held } = scene({ hold: true });
    for (const key of ["a", "b", "c", "d"]) queue.trigger(key, "start");
    await pass(0);
    expect(ran.map(({ key }) => key)).toEqual(["a", "b"]);
    held[1]?.end();
    await pass(0);
    held[0]?.end();
    await pass(0);
    expect(ran.map(({ key }) => key)).toEqual(["a", "b", "c", "d"]);
  });

  it("lets nobody in who waited for room, and is being edited by now", async () => {
    const { queue, ran, held } = scene({ hold: true, concurrency: 1 });
    queue.trigger("a", "start");
    queue.trigger("b", "start");
    await pass(1);
    queue.trigger("b", "files");
    await pass(1);
    held[0]?.end();
    await pass(3);
    expect(ran.map(({ key }) => key)).toEqual(["a"]);
    await pass(2);
    expect(ran.map(({ key, at }) => [key, at])).toEqual([
      ["a", 0],
      ["b", 6],
    ]);
  });

  it("tries again what failed, less and less often, whatever containers do meanwhile", async () => {
    const { queue, ran, outcomes } = scene();
    outcomes.push(...Array<Outcome>(9).fill("failed"));
    queue.trigger("shop", "start");
    for (let second = 0; second < 1000; second++) {
      await pass(1);
      queue.trigger("shop", "engine");
    }
    expect(ran.map(({ at }) => at)).toEqual([0, 5, 15, 35, 75, 155, 315, 615, 915]);
  });

  it("takes an edit for a new attempt", async () => {
    const { queue, ran, outcomes } = scene();
    outcomes.push("failed", "failed", "failed", "failed");
    queue.trigger("shop", "start");
    await pass(36);
    queue.trigger("shop", "files");
    await pass(6);
    expect(ran.at(-1)).toEqual({ key: "shop", causes: ["files"], at: 41 });
  });

  it("does not fight for ever for what somebody takes away again and again", async () => {
    const { queue, ran, outcomes } = scene();
    for (let second = 0; second < 1800; second++) {
      outcomes[0] = "worked";
      queue.trigger("shop", "engine");
      await pass(1);
    }
    // Without a limit: once in each half minute.
    expect(ran.length).toBeLessThan(25);
    expect(ran.length).toBeGreaterThan(5);
  });

  it("ends when what runs has ended, and begins nothing more", async () => {
    const { queue, ran, held } = scene({ hold: true, concurrency: 1 });
    queue.trigger("a", "start");
    queue.trigger("b", "start");
    await pass(0);
    const asked = expect(queue.ask("b", "asked")).rejects.toThrow("closed");
    const closed = queue.close();
    held[0]?.end();
    await closed;
    await asked;
    queue.trigger("a", "files");
    await pass(60);
    expect(ran.map(({ key }) => key)).toEqual(["a"]);
    await expect(queue.ask("a", "asked")).rejects.toThrow("closed");
  });

  it("goes on after a run that rejects", async () => {
    const failing = createQueue({
      run: (key) => Promise.reject(new Error(`no ${key}`)),
      ...{ concurrency: 1, quietMs: 0, random: () => 0.5 },
    });
    const asked = expect(failing.ask("a", "asked")).rejects.toThrow("no a");
    const next = expect(failing.ask("b", "asked")).rejects.toThrow("no b");
    await pass(0);
    await Promise.all([asked, next]);
    expect(failing.dueIn("a")).toBe(5000);
  });
});
