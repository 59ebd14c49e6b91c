/** One change in the shape of Terraform's `resource_changes`. */
import type { Change } from "../model/plan.ts";
import type { Json } from "../model/project.ts";

export interface ResourceChange {
  readonly address: string;
  readonly change: {
    readonly before_sensitive: Json;
    readonly after_sensitive: Json;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

export function resourceChange(change: Change): ResourceChange {
  const { address, before, after, attributes } = change;
  const { type, name, index } = resourceName(address);
  const reason = actionReason(change);
  const forcing = attributes.filter(({ forcesReplacement }) => forcesReplacement);
  const replaces = change.action === "replace" && change.method !== "none";
  return {
    address,
    mode: "managed",
    type,
    name,
    ...(index === undefined ? {} : { index }),
    provider_name: "dso",
    change: {
      actions: actionsOf(change),
      before,
      after: change.method === "none" ? before : after,
      after_unknown: change.action === "create" || replaces ? { id: true } : {},
      before_sensitive: before === null ? false : sensitive(change),
      after_sensitive: after === null ? false : sensitive(change),
      ...(replaces && forcing.length > 0
        ? { replace_paths: forcing.map(({ path }) => keysOf(path)) }
        : {}),
    },
    ...(reason === undefined ? {} : { action_reason: reason }),
  };
}

function actionsOf({ action, method }: Change): readonly string[] {
  switch (action) {
    case "create":
    case "update":
    case "delete":
    case "read":
      return [action];
    case "replace":
      if (method === "none") return ["no-op"];
      return method === "blue-green" ? ["create", "delete"] : ["delete", "create"];
  }
}

export function actionReason({ action, reasons, method }: Change): string | undefined {
  const codes = new Set(reasons.map(({ code }) => code));
  if (action === "replace") {
    if (method === "none") return undefined;
    const asked = codes.has("replaced_by_request") || codes.has("forced");
    return asked ? "replace_by_request" : "replace_because_cannot_update";
  }
  if (action !== "delete") return undefined;
  if (codes.has("scaled_down")) return "delete_because_count_index";
  return codes.has("orphan") ? "delete_because_no_resource_config" : undefined;
}

/** `true` where a reference or private text stands. */
function sensitive({ attributes }: Change): Json {
  const root: Record<string, Json> = {};
  for (const { path, shown } of attributes) {
    if (shown === "open") continue;
    const [key = "", rest] = keysOf(path);
    if (rest === undefined) root[key] = true;
    else root[key] = { ...(root[key] as Record<string, Json> | undefined), [rest]: true };
  }
  return root;
}

/** `environment.A.B` is the variable `A.B`. */
function keysOf(path: string): readonly string[] {
  const dot = path.indexOf(".");
  return dot === -1 ? [path] : [path.slice(0, dot), path.slice(dot + 1)];
}

export function resourceType(address: string): string {
  return address.split(".")[0] ?? address;
}

export function resourceName(address: string): {
  readonly type: string;
  readonly name: string;
  readonly index?: number | string;
} {
  const type = resourceType(address);
  const rest = address.slice(type.length + 1);
  const [, name, key] = /^(.*?)\[(.+)\]$/.exec(rest) ?? [];
  if (name === undefined || key === undefined) return { type, name: rest };
  const number = Number(key);
  return { type, name, index: Number.isNaN(number) ? key.replace(/^"|"$/g, "") : number };
}
