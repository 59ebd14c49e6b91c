import {
  type Binding,
  type Desired,
  type DesiredService,
  hostContentName,
  referencesOf,
} from "../model/desired.ts";
import type { DeliveredVersions } from "../model/observed.ts";
import type { AttributeChange } from "../model/plan.ts";
import { isGivenBinding } from "../model/programs.ts";
import { type SecretId, valueName } from "../model/reference.ts";
import { specFile } from "../model/spec.ts";
import type { Before } from "./before.ts";
import {
  hasContentChanged,
  placePath,
  referencesIn,
  referenceText,
  shownReference,
  wantedVersion,
} from "./delivered.ts";
import { byText } from "./order.ts";

/** Stands for text that may not be shown. */
export const PRIVATE = "(private)";

/** Of a template only a hash is remembered. */
const FORMER_TEXT = "(former text)";

/** Of a file or variable of the host only a fingerprint is remembered. */
const FORMER_CONTENT = "(former content)";

/** The dotted paths at which a value is delivered. */
export function secretPaths(service: DesiredService): ReadonlySet<string> {
  return new Set(service.bindings.map(({ place }) => placePath(place)));
}

/** What changes at the places of values: references and versions, as text. */
export function secretAttributes(
  desired: Desired,
  service: DesiredService,
  before: Before | undefined,
  delivered: DeliveredVersions | undefined,
): readonly AttributeChange[] {
  return secretTexts(desired, service, before, delivered)
    .filter((text) => text.before !== text.after)
    .map((text) => ({ ...text, shown: text.shown ?? ("secret" as const), forcesReplacement: true }))
    .sort((a, b) => byText(a.path, b.path));
}

interface SecretText {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Default `secret`. */
  readonly shown?: "private";
}

/** What stood and will stand at every place of a value, changed or not. */
export function secretTexts(
  desired: Desired,
  service: DesiredService,
  before: Before | undefined,
  delivered: DeliveredVersions | undefined,
): readonly SecretText[] {
  const bound = service.bindings.map((binding) => ({
    path: placePath(binding.place),
    before: formerText(desired, service, before, delivered, binding),
    after: referenceText(binding, (reference) => wantedVersion(desired, reference)),
  }));
  return [...bound, ...otherFiles(desired, service, before, delivered)];
}

function formerText(
  desired: Desired,
  service: DesiredService,
  before: Before | undefined,
  delivered: DeliveredVersions | undefined,
  binding: Binding,
): string | undefined {
  if (isGivenBinding(binding)) return formerGiven(delivered, binding);
  const [old, wanted] = contents(service, before, binding);
  const same = before === undefined ? delivered !== undefined : old === wanted;
  if (same) {
    // A version that nobody knows before apply is no difference.
    return referenceText(binding, (reference) =>
      wantedVersion(desired, reference) === undefined
        ? undefined
        : (delivered?.get(valueName(reference)) ?? "unknown"),
    );
  }
  if (old === undefined) return undefined;
  const former = formerReferences(desired, service, delivered, old);
  // The same references in other text, which may be private.
  const after = referenceText(binding, (reference) => wantedVersion(desired, reference));
  return former === after ? `${former} in other text` : former;
}

/** Undefined where it was not given before. */
function formerGiven(
  delivered: DeliveredVersions | undefined,
  binding: Binding,
): string | undefined {
  const versionOf = (one: SecretId): string | undefined => delivered?.get(valueName(one));
  const isKnown = referencesOf(binding.template).some((one) => versionOf(one) !== undefined);
  return isKnown ? referenceText(binding, versionOf) : undefined;
}

const REFERENCE = /\{\{(dso:\/\/.*?)\}\}|^(dso(?:file)?:\/\/.*)$/gi;

/** The references in what stood at a place, in the notation of what is to stand there, or that it is private. */
export function formerReferences(
  desired: Desired,
  service: DesiredService,
  delivered: DeliveredVersions | undefined,
  content: string,
): string {
  const names = new Map(referencesIn(service).map((one) => [one.text, valueName(one)]));
  const texts = [...content.matchAll(REFERENCE)].map(
    ([, embedded, whole]) => embedded ?? whole ?? "",
  );
  if (texts.length === 0) return formerContent(desired, content);
  return texts
    .map((text) => shownReference(text, delivered?.get(names.get(text) ?? "")))
    .join(", ");
}

/** What stands at the place: in the former service, and in the wanted one. */
function contents(
  service: DesiredService,
  before: Before | undefined,
  { place }: Binding,
): readonly [string | undefined, string | undefined] {
  if (place.kind === "environment") {
    return [
      before?.service.environment?.[place.name] ?? undefined,
      service.model.environment?.[place.name] ?? undefined,
    ];
  }
  const file = service.files.find(({ target }) => target === place.target);
  return [
    before?.files[place.target]?.content,
    file === undefined ? undefined : specFile(file).content,
  ];
}

function formerContent(desired: Desired, content: string): string {
  return content.startsWith("sha256:") ? FORMER_TEXT : showContent(desired, content);
}

/** References stand at places of their own: what is left is text, and where a file of the host lies. */
function showContent({ project }: Desired, content: string): string {
  const isOpen = (["secrets", "configs"] as const).some((kind) =>
    [...project[kind]].some(
      ([key, { file }]) =>
        content === `file:${file ?? ""}` && project.positions.literal([kind, key, "file"]),
    ),
  );
  return isOpen ? content : PRIVATE;
}

/** Files that hold no value of a reference, or no longer do. */
function otherFiles(
  desired: Desired,
  service: DesiredService,
  before: Before | undefined,
  delivered: DeliveredVersions | undefined,
): readonly SecretText[] {
  const bound = secretPaths(service);
  const wanted = new Map(service.files.map((file) => [file.target, specFile(file).content]));
  const changed = changedContents(desired, service, delivered);
  const targets = new Set([...wanted.keys(), ...Object.keys(before?.files ?? {})]);
  return [...targets]
    .filter((target) => !bound.has(`file.${target}`))
    .map((target) => {
      const [old, now] = [before?.files[target]?.content, wanted.get(target)];
      const path = `file.${target}`;
      const after = now === undefined ? undefined : showContent(desired, now);
      if (old === now) {
        if (!changed.has(target)) return { path, before: after, after };
        return { path, before: FORMER_CONTENT, after, shown: "private" };
      }
      const former =
        old === undefined ? undefined : formerReferences(desired, service, delivered, old);
      if (after === PRIVATE && (former === PRIVATE || former === FORMER_TEXT)) {
        return { path, before: FORMER_TEXT, after, shown: "private" };
      }
      return { path, before: former, after };
    });
}

/** Targets whose file or variable of the host holds something else than what was delivered. */
function changedContents(
  desired: Desired,
  service: DesiredService,
  delivered: DeliveredVersions | undefined,
): ReadonlySet<string> {
  const targets = service.files.flatMap(({ content, target }) =>
    content.kind !== "template" && hasContentChanged(desired, delivered, hostContentName(content))
      ? [target]
      : [],
  );
  return new Set(targets);
}
