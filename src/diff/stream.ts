/** The plan as messages of Terraform's `-json` stream; the caller adds module and time. */
import type { Change, Plan } from "../model/plan.ts";
import { actionReason } from "./json.ts";
import { countChanges } from "./totals.ts";

export interface PlanMessage {
  readonly type: "resource_drift" | "planned_change" | "change_summary";
  readonly "@level": "info";
  readonly "@message": string;
  readonly [key: string]: unknown;
}

export interface HookResource {
  readonly addr: string;
  readonly module: string;
  readonly resource: string;
  readonly implied_provider: string;
  readonly resource_type: string;
  readonly resource_name: string;
  readonly resource_key: number | string | null;
}

/** Drift, then changes, then their sums. */
export function streamMessages(plan: Plan): readonly PlanMessage[] {
  const { add, change, remove } = countChanges(plan);
  return [
    ...plan.drift.map((one) =>
      changeMessage("resource_drift", `${one.address}: Drift detected (${one.action})`, one),
    ),
    ...plan.changes
      .filter(({ method }) => method !== "none")
      .map((one) => changeMessage("planned_change", `${one.address}: Plan to ${one.action}`, one)),
    {
      type: "change_summary",
      "@level": "info",
      "@message": `Plan: ${add} to add, ${change} to change, ${remove} to destroy.`,
      changes: { add, change, import: 0, remove, operation: "plan" },
    },
  ];
}

function changeMessage(
  type: "resource_drift" | "planned_change",
  message: string,
  change: Change,
): PlanMessage {
  const reason = type === "planned_change" ? streamReason(change) : undefined;
  return {
    type,
    "@level": "info",
    "@message": message,
    change: {
      resource: resourceOf(change.address),
      action: change.action,
      ...(reason === undefined ? {} : { reason }),
      dso_reasons: change.reasons,
    },
  };
}

/** The stream's words leave out the `replace_because_` of the JSON form. */
function streamReason(change: Change): string | undefined {
  const reason = actionReason(change);
  if (reason === "replace_because_cannot_update") return "cannot_update";
  return reason === "replace_by_request" ? "requested" : reason;
}

/** `container.web[1]` as Terraform's hooks name a resource. */
export function resourceOf(address: string): HookResource {
  const [, type = "", rest = address] = /^([a-z]+)\.(.*)$/.exec(address) ?? [];
  const [, name = rest, key] = /^(.*?)\[(.+)\]$/.exec(rest) ?? [];
  return {
    addr: address,
    module: "",
    resource: address,
    implied_provider: "dso",
    resource_type: type,
    resource_name: name,
    resource_key:
      key === undefined ? null : /^\d+$/.test(key) ? Number(key) : key.replace(/^"|"$/g, ""),
  };
}
