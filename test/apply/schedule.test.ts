/** The scheduler in a time of its own, on graphs that nobody has thought of. */
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Node, type Result, schedule } from "../../src/apply/schedule.ts";

interface Task extends Node {
  readonly ms: number;
  readonly result: Result;
}

interface Trace {
  readonly began: Map<number, number>;
  readonly ended: Map<number, number>;
  readonly left: readonly number[];
  /** When the scheduler gave its answer. */
  readonly over: number;
}

interface Timer {
  readonly at: number;
  readonly wake: () => void;
}

/** Time goes on only when nothing is left to do at the moment. */
function createTime() {
  const timers = new Set<Timer>();
  let now = 0;
  return {
    now: () => now,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        const timer = { at: now + ms, wake: resolve };
        timers.add(timer);
        const give = (): void => {
          if (timers.delete(timer)) reject(new Error("aborted"));
        };
        if (signal?.aborted === true) give();
        signal?.addEventListener("abort", give);
      }),
    async pass(work: Promise<unknown>): Promise<void> {
      const state = { settled: false };
      const mark = (): void => void (state.settled = true);
      work.then(mark, mark);
      for (;;) {
        await setImmediate();
        if (state.settled) return;
        const next = [...timers].sort((a, b) => a.at - b.at)[0];
        if (next === undefined) throw new Error("nothing is waited for, and nothing ends");
        now = next.at;
        for (const timer of timers) if (timer.at === now && timers.delete(timer)) timer.wake();
      }
    },
  };
}

async function run(tasks: readonly Task[], limit: number, stopAt = Infinity): Promise<Trace> {
  const time = createTime();
  const stop = new AbortController();
  if (stopAt < Infinity) void time.sleep(stopAt).then(() => stop.abort());
  const [began, ended] = [new Map<number, number>(), new Map<number, number>()];
  const work = {
    limit,
    run: async ({ id, ms, result }: Task) => {
      began.set(id, time.now());
      await time.sleep(ms);
      ended.set(id, time.now());
      return result;
    },
    pause: ({ delayMs = 0 }: Task, signal: AbortSignal) => time.sleep(delayMs, signal),
  };
  const answer = schedule(tasks, work, stop.signal);
  await time.pass(answer);
  return { began, ended, left: (await answer).map(({ id }) => id), over: time.now() };
}

const task: fc.Arbitrary<Omit<Task, "id">> = fc.record({
  after: fc.array(fc.nat(30), { maxLength: 3 }),
  delayMs: fc.constantFrom(0, 0, 1, 7, 40),
  ms: fc.nat(9),
  result: fc.constantFrom<Result[]>("done", "done", "done", "done", "tolerated", "failed"),
});

/** Each comes after earlier ones alone, as in a plan. */
const graph = fc.array(task, { minLength: 1, maxLength: 14 }).map((list) =>
  list.map((one, id) => ({
    ...one,
    id,
    after: id === 0 ? [] : [...new Set(one.after.map((n) => n % id))],
  })),
);

/** When the run was to begin no more: the first failure, or the request to stop. */
function endOf(tasks: readonly Task[], { ended }: Trace, stopAt: number): number {
  const failures = tasks.flatMap(({ id, result }) =>
    result === "failed" ? (ended.get(id) ?? Infinity) : Infinity,
  );
  return Math.min(stopAt, ...failures);
}

/** When a task could have begun, had there been a place for it. */
function dueAt({ after, delayMs = 0 }: Task, { ended }: Trace): number {
  return Math.max(0, ...after.map((id) => ended.get(id) ?? Infinity)) + delayMs;
}

function runningAt({ began, ended }: Trace, moment: number): number {
  return [...began].filter(([id, at]) => at <= moment && moment < (ended.get(id) ?? Infinity))
    .length;
}

describe("schedule", () => {
  const given = fc.tuple(graph, fc.integer({ min: 1, max: 4 }), fc.option(fc.nat(60)));

  test("never runs more than the limit, and nothing before its turn", async () => {
    await fc.assert(
      fc.asyncProperty(given, async ([tasks, limit, stopAt]) => {
        const trace = await run(tasks, limit, stopAt ?? undefined);
        for (const at of trace.began.values()) {
          expect(runningAt(trace, at)).toBeLessThanOrEqual(limit);
        }
        for (const one of tasks) {
          const at = trace.began.get(one.id);
          if (at !== undefined) expect(at).toBeGreaterThanOrEqual(dueAt(one, trace));
        }
      }),
    );
  });

  test("begins nothing after a failure or a stop, waits for no delay then, and tells what is left", async () => {
    await fc.assert(
      fc.asyncProperty(given, async ([tasks, limit, stopAt]) => {
        const trace = await run(tasks, limit, stopAt ?? undefined);
        const end = endOf(tasks, trace, stopAt ?? Infinity);
        for (const at of trace.began.values()) expect(at).toBeLessThanOrEqual(end);
        const lastEnd = Math.max(0, ...trace.ended.values());
        expect(trace.over).toBeLessThanOrEqual(end === Infinity ? lastEnd : Math.max(lastEnd, end));
        expect(trace.left).toEqual(tasks.flatMap(({ id }) => (trace.began.has(id) ? [] : [id])));
        if (end === Infinity) expect(trace.left).toEqual([]);
      }),
    );
  });

  test("leaves no place empty while a task is due: whoever waits for a delay has none", async () => {
    await fc.assert(
      fc.asyncProperty(given, async ([tasks, limit]) => {
        const trace = await run(tasks, limit);
        const end = endOf(tasks, trace, Infinity);
        for (const one of tasks) {
          const due = dueAt(one, trace);
          const until = Math.min(trace.began.get(one.id) ?? end, end);
          for (let at = due; at < until; at++) expect(runningAt(trace, at)).toBe(limit);
        }
      }),
    );
  });

  test("a tolerated failure lets its successors begin; another one does not", async () => {
    const chain = (result: Result): readonly Task[] =>
      [1, 2].map((id) => ({ id, after: id === 1 ? [] : [1], ms: 1, result }));
    expect((await run(chain("tolerated"), 1)).left).toEqual([]);
    expect((await run(chain("failed"), 1)).left).toEqual([2]);
  });

  test("the first of the given order goes first", async () => {
    const tasks = [3, 1, 2].map((id) => ({ id, after: [], ms: 1, result: "done" as const }));
    expect([...(await run(tasks, 1)).began.keys()]).toEqual([3, 1, 2]);
  });
});
