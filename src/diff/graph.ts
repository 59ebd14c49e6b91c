import type { Operation } from "../model/plan.ts";

/** An operation before it has its place in the plan. */
export type Draft = Operation extends infer O
  ? O extends Operation
    ? Omit<O, "id" | "after">
    : never
  : never;

/** Collects operations; an operation can only wait for earlier ones, so there is no circle. */
export interface Graph {
  /** Returns the id that it got. */
  add(draft: Draft, after: readonly number[]): number;
  readonly operations: readonly Operation[];
}

export function createGraph(): Graph {
  const operations: Operation[] = [];
  return {
    operations,
    add: (draft, after) => {
      const id = operations.length + 1;
      const sorted = [...new Set(after)].sort((a, b) => a - b);
      operations.push({ ...draft, id, after: sorted });
      return id;
    },
  };
}

/** Ids to wait for: the nearest, else what everything waits for. The nearest wait for that themselves. */
export function afterOr(near: readonly number[], gate: readonly number[]): readonly number[] {
  return near.length > 0 ? near : gate;
}
