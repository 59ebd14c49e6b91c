/** What differs from the last apply although no file did. */
import type { Change, Reason } from "../model/plan.ts";
import { serviceChanges } from "./changes.ts";
import { isOurs } from "./before.ts";
import { type Decision, only, type ServiceDecision } from "./decision.ts";
import type { Situation } from "./situation.ts";

const CODES: ReadonlySet<string> = new Set([
  "drift_stopped",
  "drift_missing",
  "drift_modified",
  "drift_paused",
  "secret_memory_lost",
]);

function isDrift({ code }: Reason): boolean {
  return CODES.has(code);
}

/**
 * As Terraform tells it: from what was applied (before) to what is there (after),
 * so the other way round than the change that puts it right.
 */
export function driftChanges(
  situation: Situation,
  decisions: readonly ServiceDecision[],
): readonly Change[] {
  return decisions.flatMap((decision) => {
    const decisionsOfDrift = decision.decisions
      .filter((one) => isApplied(situation, one))
      .flatMap((one) => unhealed(decision, one));
    return serviceChanges(situation, { ...decision, decisions: decisionsOfDrift }).map(reverse);
  });
}

/** What others made, and no apply has found, can differ from the files only, and not from the last apply. */
function isApplied({ observed }: Situation, one: Decision): boolean {
  return (
    observed.lastApply !== undefined || one.action === "create" || isOurs(one.instance.container)
  );
}

/** Only what drifted (a restart because of a dependency did not), as the decision that would put just that right. */
function unhealed(owner: ServiceDecision, one: Decision): readonly Decision[] {
  if ("drift" in one) {
    const { instance } = one;
    const drift = one.drift.filter(({ reason }) => isDrift(reason));
    return drift.length === 0 ? [] : [{ action: "update", instance, repairs: drift, drift }];
  }
  if (!one.reasons.some(isDrift)) return [];
  return [one.action === "create" ? { ...one, ...missingOne(owner, one.number, one.name) } : one];
}

/** The container that is gone had the first free number; its successor gets the next new one. */
function missingOne(
  owner: ServiceDecision,
  number: number,
  name: string,
): { readonly number: number; readonly name: string } {
  const there = new Set(
    [...only(owner, "keep"), ...only(owner, "update"), ...only(owner, "replace")].map(
      ({ instance }) => instance.number,
    ),
  );
  const created = only(owner, "create").map((one) => one.number);
  const holes = Array.from({ length: number }, (_, index) => index + 1).filter(
    (candidate) => !there.has(candidate) && !created.includes(candidate),
  );
  const hole = holes[created.indexOf(number)];
  if (hole === undefined) return { number, name };
  return { number: hole, name: name.replace(new RegExp(`-${number}$`), `-${hole}`) };
}

function reverse(change: Change): Change {
  const action =
    change.action === "create" ? "delete" : change.action === "delete" ? "create" : change.action;
  return {
    ...change,
    action,
    method: undefined,
    downtime: undefined,
    deliveries: [],
    before: change.after,
    after: change.before,
    attributes:
      action === "delete"
        ? []
        : change.attributes.map((one) => ({ ...one, before: one.after, after: one.before })),
  };
}
