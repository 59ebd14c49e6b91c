/** The plan for people, in Terraform's grammar. */
import type { Change, Plan, PlanWarning } from "../model/plan.ts";
import { reasonsText } from "./reasons.ts";
import { paintSign } from "./renderAttribute.ts";
import { renderChange, signOfChange } from "./renderChange.ts";
import { count, createPalette, harmless, type Palette, wrap } from "./style.ts";
import { countChanges } from "./totals.ts";

export interface PlanStyle {
  readonly color: boolean;
  /** Private text is printed, too: for the terminal of the person who asked. */
  readonly showValues: boolean;
}

/** Ends with a newline. */
export function renderPlan(plan: Plan, { color, showValues }: PlanStyle): string {
  const palette = createPalette(color);
  const sections = [
    driftSection(plan, palette),
    ...(plan.changes.length === 0
      ? [emptySection(plan, palette)]
      : [legend(plan.changes, palette), changeSection(plan, palette, showValues)]),
    fetchSection(plan),
    ...plan.warnings.map((warning) => warningSection(warning, palette)),
    ...(plan.changes.length === 0 ? [] : [[totals(plan, palette)]]),
  ];
  const text = sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${text.join("\n\n")}\n`;
}

const LEGEND: readonly (readonly [string, string])[] = [
  ["+", "create"],
  ["~", "update in place"],
  ["-", "destroy"],
  ["<=", "ask the program of a provider service"],
  ["-/+", "replace: stop the old one, then start the new one"],
  ["+/-", "replace: start the new one, then stop the old one"],
];

function legend(changes: readonly Change[], palette: Palette): readonly string[] {
  const used = new Set(changes.map(signOfChange));
  const lines = LEGEND.filter(([sign]) => used.has(sign)).map(
    ([sign, meaning]) => `${" ".repeat(3 - sign.length)}${paintSign(sign, palette)} ${meaning}`,
  );
  return lines.length === 0 ? [] : ["What the signs mean:", ...lines];
}

function changeSection(plan: Plan, palette: Palette, showValues: boolean): readonly string[] {
  const blocks = plan.changes.map((change) => renderChange(change, palette, showValues).join("\n"));
  return [
    palette.bold("DSO will perform the following actions:"),
    ...blocks.flatMap((block) => ["", block]),
  ];
}

function emptySection(plan: Plan, palette: Palette): readonly string[] {
  const { mode } = plan.options;
  if (mode === "destroy") {
    return [palette.green(`Nothing to destroy. The engine has nothing of "${plan.project}".`)];
  }
  if (mode === "refresh-only") {
    if (plan.drift.length > 0) return [];
    const applied = plan.warnings.every(({ code }) => code !== "never-applied");
    const shows = applied ? " The engine shows what was last applied." : "";
    return [palette.green(`No drift.${shows}`)];
  }
  const containers = plan.unchanged.filter((address) => address.startsWith("container.")).length;
  return [
    `${palette.green("No changes.")} The engine runs what the files describe: ${count(containers, "container")} as desired.`,
  ];
}

function driftSection(plan: Plan, palette: Palette): readonly string[] {
  if (plan.drift.length === 0) return [];
  const lines = plan.drift.flatMap(({ address, engineName, action, reasons }) => {
    const sign = action === "delete" ? "-" : action === "create" ? "+" : "~";
    const fate =
      action === "delete"
        ? "has been deleted"
        : action === "create"
          ? "has been added"
          : "has changed";
    const [first = "", ...rest] = wrap(
      `${address} "${engineName}" ${fate} (${reasonsText(reasons)})`,
      "    ",
      "      ",
    );
    return [`  ${paintSign(sign, palette)} ${first.trimStart()}`, ...rest];
  });
  return [palette.bold("Changed outside of DSO since the last apply:"), ...lines];
}

function fetchSection(plan: Plan): readonly string[] {
  const lines = plan.operations.flatMap((operation) => {
    if (operation.kind === "pull-image") {
      const instead = operation.orBuild === undefined ? "" : ", or build it";
      return [`  pull  ${harmless(operation.image)}${instead}`];
    }
    if (operation.kind === "build-image") return [`  build ${harmless(operation.image)}`];
    return [];
  });
  return lines.length === 0
    ? []
    : ["Images that are fetched before anything is stopped:", ...lines];
}

function warningSection(
  { message, hint, position }: PlanWarning,
  palette: Palette,
): readonly string[] {
  const place =
    position === undefined
      ? []
      : [`  at ${harmless(position.file)}:${position.line}:${position.column}`];
  const [first = "", ...rest] = wrap(message, "Warning: ", "  ");
  return [
    first.replace("Warning:", palette.yellow("Warning:")),
    ...rest,
    ...place,
    ...(hint === undefined ? [] : wrap(hint, "  ", "  ")),
  ];
}

function totals(plan: Plan, palette: Palette): string {
  const { add, change, remove } = countChanges(plan);
  return palette.bold(`Plan: ${add} to add, ${change} to change, ${remove} to destroy.`);
}
