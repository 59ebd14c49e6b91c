/** One change, as a block of lines: what, why, how, and attribute by attribute. */
import { showDuration } from "../model/duration.ts";
import type { Change, Downtime } from "../model/plan.ts";
import { reasonsText } from "./reasons.ts";
import { paintSign, renderAttributes } from "./renderAttribute.ts";
import { harmless, type Palette, wrap } from "./style.ts";

export function signOfChange({ action, method }: Change): string {
  switch (action) {
    case "create":
      return "+";
    case "update":
      return "~";
    case "delete":
      return "-";
    case "read":
      return "<=";
    case "replace":
      return method === "blue-green" ? "+/-" : method === "none" ? " " : "-/+";
  }
}

export function renderChange(
  change: Change,
  palette: Palette,
  showValues: boolean,
): readonly string[] {
  const sign = signOfChange(change);
  const name = harmless(JSON.stringify(change.engineName));
  const head = `${" ".repeat(3 - sign.length)}${paintSign(sign, palette)} ${harmless(change.address)} ${name}`;
  const hidden = hiddenLine(change, palette);
  const body = [...renderAttributes(change, palette, showValues), ...hidden];
  return [
    ...comments(change).map((line) => palette.bold(line)),
    ...(body.length === 0 || change.action === "delete" ? [head] : [`${head} {`, ...body, "    }"]),
  ];
}

function hiddenLine({ unchangedAttributes: number }: Change, palette: Palette): readonly string[] {
  if (number === 0) return [];
  const noun = number === 1 ? "attribute" : "attributes";
  return [`        ${palette.dim(`# (${number} unchanged ${noun} hidden)`)}`];
}

function comments(change: Change): readonly string[] {
  const { address, downtime, reasons, rollout } = change;
  const first = wrap(`${address} ${fate(change)}`, "  # ", "  #   ");
  const why = reasonsText(reasons);
  const plain = why === "created" || why === "destroy" || why === "";
  const forced = downtime?.forcedBy.join("; ") ?? "";
  return [
    ...first,
    ...(plain ? [] : wrap(`(${why})`, "  # ", "  #  ")),
    ...(forced === "" ? [] : wrap(`(forced by ${forced})`, "  # ", "  #  ")),
    ...(downtime === undefined ? [] : basisOf(downtime).map((line) => `  # (${line})`)),
    ...(change.action === "read" ? READ.map((line) => `  # ${line}`) : []),
    ...(rollout === undefined ? [] : wrap(`(${rollout})`, "  # ", "  #  ")),
  ];
}

/** What it gives is known only then. */
const READ = ["(what depends on it is replaced where it gives something else than before)"];

/** Where the estimate is from; nothing where it leaves nothing open. */
function basisOf({ expectedMs, worstMs, measured }: Downtime): readonly string[] {
  if (measured) return [`measured the last time; at worst ${showDuration(worstMs)}`];
  return worstMs > expectedMs
    ? ["not measured yet: it may ignore its stop signal, and take its time to serve"]
    : [];
}

function lasting({ expectedMs, worstMs, measured }: Downtime): string {
  const range = !measured && worstMs > expectedMs ? ` to ${showDuration(worstMs)}` : "";
  return `${range === "" ? "about " : ""}${showDuration(expectedMs)}${range} of downtime`;
}

function fate(change: Change): string {
  switch (change.action) {
    case "create":
      return "will be created";
    case "update":
      return updateFate(change);
    case "delete":
      return change.kind === "service" ? "will be taken down by its program" : "will be destroyed";
    case "read":
      return `(provider ${JSON.stringify(change.engineName)}) will be asked by its program`;
    case "replace":
      return replaceFate(change);
  }
}

function updateFate({ kind, attributes, method, downtime }: Change): string {
  if (kind === "image") return "will be fetched again";
  if (method === "refresh") return "will be given its new files, and runs on";
  const state =
    attributes.length === 1 && attributes[0]?.path === "state" ? attributes[0] : undefined;
  const until = downtime === undefined ? "" : `, ${lasting(downtime)}`;
  if (state?.after === "restarted") return `will be restarted${until}`;
  if (state !== undefined)
    return state.before === "paused" ? "will be unpaused" : "will be started";
  return `will be updated in place${until}`;
}

function replaceFate({ kind, method, downtime, before }: Change): string {
  if (kind !== "container") return "must be replaced, and its containers with it";
  if (method === "none") return "differs and is left as it is";
  const how = `will be replaced by ${method ?? "stop-first"}`;
  if (downtime !== undefined) return `${how}, ${lasting(downtime)}`;
  if (method === "blue-green") return `${how}, no expected downtime`;
  return before?.["state"] === "running"
    ? `${how}, while other replicas serve`
    : `${how}; it is not running now`;
}
