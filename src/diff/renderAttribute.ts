/** One attribute of a change, as lines. */
import { isDeepStrictEqual } from "node:util";
import type { AttributeChange, Change, DeliveryChange } from "../model/plan.ts";
import type { Json } from "../model/project.ts";
import { PRIVATE } from "./secretAttributes.ts";
import { harmless, type Palette, WIDTH } from "./style.ts";

const INDENT = " ".repeat(6);
/** Names longer than this do not push the others to the right. */
const WIDEST_NAME = 40;
const LONGEST_VALUE = 76;

type Sign = "+" | "-" | "~";

export function renderAttributes(
  change: Change,
  palette: Palette,
  showValues: boolean,
): readonly string[] {
  const width = Math.min(
    WIDEST_NAME,
    Math.max(0, ...change.attributes.map(({ path }) => path.length)),
  );
  return change.attributes.flatMap((attribute) => {
    const sign = signOf(attribute);
    const head = `${INDENT}${paintSign(sign, palette)} ${harmless(attribute.path).padEnd(width)} = `;
    const plainHead = INDENT.length + 2 + Math.max(width, attribute.path.length) + 3;
    const tail = gradeOf(attribute, change.deliveries, palette);
    return renderValue(attribute, sign, showValues, palette, plainHead).map((line, index, all) => {
      const start = index === 0 ? head : "";
      return `${start}${line}${index === all.length - 1 ? tail : ""}`;
    });
  });
}

function signOf({ before, after }: AttributeChange): Sign {
  return before === undefined ? "+" : after === undefined ? "-" : "~";
}

export function paintSign(sign: string, palette: Palette): string {
  if (sign === "+") return palette.green(sign);
  if (sign === "-") return palette.red(sign);
  if (sign === "~") return palette.yellow(sign);
  return sign === "-/+" ? `${palette.red("-")}/${palette.green("+")}` : sign;
}

function gradeOf(
  { path }: AttributeChange,
  deliveries: readonly DeliveryChange[],
  palette: Palette,
): string {
  const grade = deliveries.find(({ place }) => place === path)?.grade;
  return grade === undefined ? "" : `   ${palette.dim(`(${grade})`)}`;
}

/** The first line follows the attribute's name; further ones are whole. */
function renderValue(
  attribute: AttributeChange,
  sign: Sign,
  showValues: boolean,
  palette: Palette,
  column: number,
): readonly string[] {
  const { before, after } = attribute;
  if (attribute.shown === "secret") return secretLines(before, after, sign, column);
  if (attribute.shown === "private" && !showValues) {
    return [sign === "~" ? "(changed)" : sign === "+" ? PRIVATE : `${PRIVATE} -> null`];
  }
  const [old, wanted] = [list(before), list(after)];
  const inline = joined(valueText(before), valueText(after), sign);
  if (old !== undefined && wanted !== undefined) return listLines(old, wanted, palette);
  if (column + inline.length > WIDTH && wanted !== undefined) return listLines([], wanted, palette);
  return fold(inline, column);
}

function joined(before: string, after: string, sign: Sign): string {
  if (sign === "+") return after;
  return `${before} -> ${sign === "-" ? "null" : after}`;
}

function secretLines(
  before: Json | undefined,
  after: Json | undefined,
  sign: Sign,
  column: number,
): readonly string[] {
  const [old, wanted] = [harmless(text(before)), harmless(text(after))];
  // Of the same reference only the versions are worth a look.
  const [, oldReference, oldVersion] = /^(\S+) (@\S+)$/.exec(old) ?? [];
  const [, reference, version] = /^(\S+) (@\S+)$/.exec(wanted) ?? [];
  if (sign === "~" && reference !== undefined && reference === oldReference) {
    return [`${reference} ${oldVersion ?? ""} -> ${version ?? ""}`];
  }
  return fold(joined(old, wanted, sign), column);
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function list(value: Json | undefined): readonly Json[] | undefined {
  return Array.isArray(value) ? (value as readonly Json[]) : undefined;
}

function listLines(
  before: readonly Json[],
  after: readonly Json[],
  palette: Palette,
): readonly string[] {
  const has = (all: readonly Json[], one: Json): boolean =>
    all.some((other) => isDeepStrictEqual(other, one));
  const gone = before.filter((one) => !has(after, one)).map((one) => ["-", one] as const);
  const added = after.filter((one) => !has(before, one)).map((one) => ["+", one] as const);
  const kept = after.length - added.length;
  const hidden =
    kept === 0
      ? []
      : [
          `${INDENT}      ${palette.dim(`# (${kept} unchanged ${kept === 1 ? "element" : "elements"} hidden)`)}`,
        ];
  return [
    "[",
    ...[...gone, ...added].map(
      ([sign, one]) => `${INDENT}    ${paintSign(sign, palette)} ${valueText(one)}`,
    ),
    // The same elements in another order, or one of them twice.
    ...(gone.length + added.length === 0 ? [`${INDENT}      # (another order)`] : hidden),
    `${INDENT}  ]`,
  ];
}

function valueText(value: Json | undefined): string {
  const shown = harmless(JSON.stringify(value ?? null));
  if (shown.length <= LONGEST_VALUE) return shown;
  return `${shown.slice(0, LONGEST_VALUE - 1)}…`;
}

/** A change that is too long for one line is told in two, the arrow below the name. */
function fold(inline: string, column: number): readonly string[] {
  const arrow = inline.indexOf(" -> ");
  if (column + inline.length <= WIDTH || arrow === -1) return [inline];
  return [inline.slice(0, arrow), `${INDENT}    -> ${inline.slice(arrow + " -> ".length)}`];
}
