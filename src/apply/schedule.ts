/** What a graph needs of its nodes. */
export interface Node {
  readonly id: number;
  readonly after: readonly number[];
  /** So long it waits once all that it comes after are done, ms. */
  readonly delayMs?: number;
}

/** `failed` ends the schedule; after `tolerated` it goes on as if that had been done. */
export type Result = "done" | "tolerated" | "failed";

export interface Work<N extends Node> {
  /** Nodes at a time; one that waits for its delay to be over takes no place. */
  readonly limit: number;
  /** Never rejects. */
  readonly run: (node: N) => Promise<Result>;
  /** Waits for the node's delay, and rejects as soon as `signal` aborts. */
  readonly pause: (node: N, signal: AbortSignal) => Promise<void>;
}

/**
 * Runs every node once all that it comes after are done, and its delay is over, in the given order
 * where there is a choice. After the first that failed, or once `signal` aborts, no more begins, and
 * nobody waits for a delay any more. Resolves when nothing runs, with the nodes that never began.
 */
export async function schedule<N extends Node>(
  nodes: readonly N[],
  { limit, run, pause }: Work<N>,
  signal: AbortSignal,
): Promise<readonly N[]> {
  const waiting = new Set(nodes);
  const passed = new Set<number>();
  const rests = createRests(pause);
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  const busy = new Set<Promise<void>>();
  let running = 0;
  const track = (work: Promise<void>): void => {
    const tracked = work.finally(() => busy.delete(tracked));
    busy.add(tracked);
  };
  const begin = async (node: N): Promise<void> => {
    running++;
    const result = await run(node);
    running--;
    if (result === "failed") failure.abort();
    else passed.add(node.id);
  };
  for (;;) {
    for (const node of waiting) {
      if (stop.aborted) break;
      if (!node.after.every((id) => passed.has(id))) continue;
      const rest = rests.begin(node, stop);
      if (rest !== undefined) track(rest);
      if (!rests.isOver(node) || running >= Math.max(limit, 1)) continue;
      waiting.delete(node);
      track(begin(node));
    }
    if (busy.size === 0) return [...waiting];
    await Promise.race(busy);
  }
}

/** The delays of the nodes: each is waited for once, by a timer, whatever the clock on the wall says. */
function createRests<N extends Node>(pause: Work<N>["pause"]) {
  const begun = new Set<N>();
  const over = new Set<N>();
  const rest = async (node: N, stop: AbortSignal): Promise<void> => {
    try {
      await pause(node, stop);
    } catch (error) {
      if (!stop.aborted) throw error;
    }
    over.add(node);
  };
  return {
    isOver: (node: N) => over.has(node),
    /** Undefined where there is nothing to wait for, or somebody does already. */
    begin: (node: N, stop: AbortSignal): Promise<void> | undefined => {
      if (begun.has(node)) return undefined;
      begun.add(node);
      if ((node.delayMs ?? 0) > 0) return rest(node, stop);
      over.add(node);
      return undefined;
    },
  };
}
