/** Changes that a person had to look at, until their services are as they are to be. */
import { isComplete, type Outcome } from "../apply/context.ts";
import type { Rotation } from "../model/journal.ts";
import type { Context } from "./context.ts";
import { type Run, wasWhole } from "./run.ts";

type Tools = Pick<Context, "journal" | "clock">;

/** Those that are over once the plan is carried out: whoever looked, or the plan itself, has put them right. */
export async function toSettle({ journal }: Tools, run: Run): Promise<readonly Rotation[]> {
  const { plan, desired } = run;
  if (plan.options.mode === "refresh-only") return [];
  const named = new Set([...plan.changes.map(({ address }) => address), ...plan.unchanged]);
  const all = await journal.list(desired.project.name);
  return all.filter(
    (rotation) =>
      rotation.status === "rollback_required" && (wasWhole(run) || named.has(addressOf(rotation))),
  );
}

/** Notes that they are over, with what went wrong kept; answers a reason for the history for each. */
export async function settle(
  { journal, clock }: Tools,
  run: Run,
  outcome: Pick<Outcome, "failed" | "skipped">,
): Promise<readonly string[]> {
  if (!isComplete(outcome)) return [];
  const settled = await toSettle({ journal, clock }, run);
  const updatedAt = new Date(clock.now()).toISOString();
  for (const rotation of settled) await journal.write({ ...rotation, status: "failed", updatedAt });
  return settled.map((rotation) => {
    const { startedAt, error } = rotation;
    const what = `rollback_required since ${startedAt}`;
    const why = error === undefined ? what : `${what}: ${error.message}`;
    return `${addressOf(rotation)}: put_right (${why})`;
  });
}

function addressOf({ service, number }: Rotation): string {
  return `container.${service}[${number}]`;
}
