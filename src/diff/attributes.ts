/** Attribute by attribute: what a container was made from and what it is to be made from. */
import { isDeepStrictEqual } from "node:util";
import type { DesiredService } from "../model/desired.ts";
import type { DeliveredVersions } from "../model/observed.ts";
import { isReferenceLike } from "../model/parseReference.ts";
import type { AttributeChange } from "../model/plan.ts";
import type { Json, ServiceModel } from "../model/project.ts";
import { containerModel, isLiteral, leavesOf } from "../model/spec.ts";
import type { Before } from "./before.ts";
import { byText } from "./order.ts";
import {
  formerReferences,
  PRIVATE,
  secretAttributes,
  secretPaths,
  secretTexts,
} from "./secretAttributes.ts";
import { shortForm } from "./shortForms.ts";
import type { Situation } from "./situation.ts";

export interface Comparison {
  readonly attributes: readonly AttributeChange[];
  /** How many stay as they are. */
  readonly unchanged: number;
  /** Where the texts differ; another version of the same reference is not among them. */
  readonly paths: readonly (readonly string[])[];
}

/** What a listing of the engine shows to anyone: nothing private can be in there. */
const LISTED: ReadonlySet<string> = new Set([
  "image",
  "ports",
  "expose",
  "networks",
  "network_mode",
  "container_name",
  "restart",
]);

interface Leaf {
  readonly path: readonly string[];
  readonly raw: Json;
  readonly shown: Json;
}

/** Without `before` (a container to be made, or one of which nothing is known) all is new. */
export function compareService(
  situation: Situation,
  service: DesiredService,
  before: Before | undefined,
  delivered: DeliveredVersions | undefined,
): Comparison {
  const old =
    before === undefined ? new Map<string, Leaf>() : leafMap(before.service, before.image);
  const wanted = leafMap(containerModel(service.model), service.image);
  const covered = ({ path: [key = ""] }: Leaf): boolean =>
    before === undefined || before.covers(key);
  const secrets = secretPaths(service);
  const keys = [...new Set([...old.keys(), ...wanted.keys()])].sort(byText);
  const differing = keys.filter((key) => {
    const [a, b] = [old.get(key), wanted.get(key)];
    const leaf = a ?? b;
    return leaf !== undefined && covered(leaf) && !isDeepStrictEqual(a?.shown, b?.shown);
  });
  const plain = differing
    .filter((key) => !secrets.has(key))
    .map((key) =>
      plainAttribute(situation, service, before, delivered, key, old.get(key), wanted.get(key)),
    );
  const secret = secretAttributes(situation.desired, service, before, delivered);
  const attributes = [...plain, ...secret].sort((a, b) => byText(a.path, b.path));
  const changed = new Set(attributes.map(({ path }) => path));
  const known = keys.filter((key) => covered((old.get(key) ?? wanted.get(key)) as Leaf));
  const all = new Set([...known, ...secrets]);
  return {
    attributes,
    unchanged: before === undefined ? 0 : [...all].filter((path) => !changed.has(path)).length,
    paths: differing.map((key) => (wanted.get(key) ?? old.get(key))?.path ?? []),
  };
}

function leafMap(model: ServiceModel, image: string): ReadonlyMap<string, Leaf> {
  const leaves = leavesOf({ ...model, image })
    // Compose writes unset things as null or {}: to the reader they are absent.
    .filter(({ path, value }) => path[0] === "networks" || !isUnset(path, value))
    .map(({ path, value }): [string, Leaf] => [
      path.join("."),
      { path, raw: value, shown: shortForm(path, value, model) },
    ]);
  return new Map(leaves);
}

/** An environment variable of null is not unset: it takes away what the image sets. */
function isUnset(path: readonly string[], value: Json): boolean {
  return (value === null && path.length === 1) || isDeepStrictEqual(value, {});
}

function plainAttribute(
  situation: Situation,
  service: DesiredService,
  before: Before | undefined,
  delivered: DeliveredVersions | undefined,
  path: string,
  old: Leaf | undefined,
  wanted: Leaf | undefined,
): AttributeChange {
  const oldOpen = old === undefined || isListed(old) || before?.isOpen(path) === true;
  const newOpen = wanted === undefined || isOpen(situation, service, wanted);
  const common = { path, forcesReplacement: true };
  if (typeof old?.raw === "string" && isReferenceLike(old.raw)) {
    const text = typeof wanted?.shown === "string" ? wanted.shown : JSON.stringify(wanted?.shown);
    const after = wanted === undefined ? undefined : newOpen ? text : PRIVATE;
    const former = formerReferences(situation.desired, service, delivered, old.raw);
    return { ...common, before: former, after, shown: "secret" };
  }
  const shown = oldOpen && newOpen ? "open" : "private";
  return { ...common, before: old?.shown, after: wanted?.shown, shown };
}

/** Of a network a listing shows its name and the addresses in it, and no alias. */
function isListed({ path: [key = "", ...rest] }: Leaf): boolean {
  const hidden = key === "networks" && rest.length > 1 && !/^ipv[46]_address$/.test(rest[1] ?? "");
  return LISTED.has(key) && !hidden;
}

function isOpen({ desired }: Situation, service: DesiredService, leaf: Leaf): boolean {
  const { positions } = desired.project;
  return isListed(leaf) || isLiteral(positions, ["services", service.name, ...leaf.path], leaf.raw);
}

/** The wanted attributes that may be shown, nested as in the file; secrets as `reference @version`. */
export function wantedValues(
  situation: Situation,
  service: DesiredService,
): Readonly<Record<string, Json>> {
  const secrets = secretPaths(service);
  const leaves = [...leafMap(containerModel(service.model), service.image)]
    .filter(([key, leaf]) => !secrets.has(key) && isOpen(situation, service, leaf))
    .map(([, leaf]) => leaf);
  return nest([
    ...leaves,
    ...secretAttributes(situation.desired, service, undefined, undefined).map((attribute) => ({
      path: splitPlace(attribute.path),
      shown: attribute.after ?? null,
    })),
  ]);
}

/** What a container was made from, as far as it may be shown, in the form of `wantedValues`. */
export function formerValues(
  { desired }: Situation,
  service: DesiredService,
  before: Before | undefined,
  delivered: DeliveredVersions | undefined,
): Readonly<Record<string, Json>> {
  if (before === undefined) return {};
  const secrets = secretPaths(service);
  const leaves = [...leafMap(before.service, before.image)]
    .filter(([key, leaf]) => !secrets.has(key) && (isListed(leaf) || before.isOpen(key)))
    .map(([, leaf]) => leaf);
  const texts = secretTexts(desired, service, before, delivered).flatMap((text) =>
    text.before === undefined ? [] : [{ path: splitPlace(text.path), shown: text.before }],
  );
  return nest([...leaves, ...texts]);
}

/** `environment.A.B` names the variable `A.B`. */
function splitPlace(place: string): readonly string[] {
  const dot = place.indexOf(".");
  return [place.slice(0, dot), place.slice(dot + 1)];
}

function nest(
  leaves: readonly { readonly path: readonly string[]; readonly shown: Json }[],
): Readonly<Record<string, Json>> {
  const root: Record<string, Json> = {};
  for (const { path, shown } of leaves) {
    let here = root;
    for (const key of path.slice(0, -1)) here = (here[key] ??= {}) as Record<string, Json>;
    const last = path.at(-1);
    if (last !== undefined) here[last] = shown;
  }
  return root;
}
