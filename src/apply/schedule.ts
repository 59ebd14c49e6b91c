/** What a graph needs of its nodes. */
export interface Node {
  readonly id: number;
  readonly after: readonly number[];
}

/**
 * Runs every node once all that it comes after have succeeded, at most `limit`
 * at a time, in the given order where there is a choice. `run` answers whether
 * it went well; after the first that did not, or once `stop` says so, no more
 * begins. Resolves when nothing runs any more, with the nodes that never began.
 */
export async function schedule<N extends Node>(
  nodes: readonly N[],
  limit: number,
  run: (node: N) => Promise<boolean>,
  stop: () => boolean,
): Promise<readonly N[]> {
  const waiting = new Set(nodes);
  const running = new Set<Promise<void>>();
  const succeeded = new Set<number>();
  const failed = new Set<N>();
  const begin = (node: N): void => {
    waiting.delete(node);
    const work = run(node).then((well) => {
      running.delete(work);
      if (well) succeeded.add(node.id);
      else failed.add(node);
    });
    running.add(work);
  };
  for (;;) {
    for (const node of waiting) {
      if (failed.size > 0 || stop() || running.size >= Math.max(limit, 1)) break;
      if (node.after.every((id) => succeeded.has(id))) begin(node);
    }
    if (running.size === 0) return [...waiting];
    await Promise.race(running);
  }
}
