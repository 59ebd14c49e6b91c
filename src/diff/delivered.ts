/** Which versions a container was given, which it should have, and where the two differ. */
import {
  type Binding,
  type Desired,
  type DesiredService,
  hostContentNames,
  type Place,
  referencesOf,
} from "../model/desired.ts";
import { DSO } from "../model/labels.ts";
import type { DeliveredVersions, Observed, ObservedContainer } from "../model/observed.ts";
import type { DeliveryChange, Reason } from "../model/plan.ts";
import { isGiven, isGivenName, programsOf } from "../model/programs.ts";
import { type Reference, secretIdOf, valueName, versionKey } from "../model/reference.ts";
import { type Spec, type SpecFile, specFile } from "../model/spec.ts";
import type { Version } from "../model/version.ts";
import { byText } from "./order.ts";
import { parseJson } from "../model/errors.ts";

/** What the container's manifest says, else its label; undefined where neither does. */
export function deliveredTo(
  container: ObservedContainer,
  observed: Observed,
): DeliveredVersions | undefined {
  const generation = container.labels[DSO.generation];
  const manifest = generation === undefined ? undefined : observed.delivered.get(generation);
  return manifest ?? deliveredVersions(container.labels);
}

/** What the container was given as it was made; undefined where no label says so. */
export function deliveredVersions(
  labels: ObservedContainer["labels"],
): DeliveredVersions | undefined {
  const label = labels[DSO.secrets];
  if (label === undefined) return undefined;
  const found = parseJson(label);
  if (typeof found !== "object" || found === null) return undefined;
  return new Map(Object.entries(found).map(([name, version]) => [name, String(version)]));
}

/** Undefined: nobody knows before apply. What is pinned by a name is the version that bears it. */
export function wantedVersion(desired: Desired, reference: Reference): Version | undefined {
  return desired.versions.get(versionKey(reference)) ?? reference.pinned;
}

/** All references of the service, bindings and files alike. */
export function referencesIn(service: DesiredService): readonly Reference[] {
  const templates = [
    ...service.bindings.map(({ template }) => template),
    ...service.files.flatMap(({ content }) =>
      content.kind === "template" ? [content.template] : [],
    ),
  ];
  return templates.flatMap(referencesOf);
}

/** Why the values that the container has are not those that it should have. */
export function valueReasons(
  desired: Desired,
  service: DesiredService,
  delivered: DeliveredVersions | undefined,
): readonly Reason[] {
  const wanted = new Map<string, Set<Version>>();
  for (const reference of referencesIn(service).filter((one) => !isGiven(one))) {
    const version = wantedVersion(desired, reference);
    if (version === undefined) continue;
    const name = valueName(reference);
    wanted.set(name, (wanted.get(name) ?? new Set()).add(version));
  }
  const rotated = [...wanted]
    .sort(([a], [b]) => byText(a, b))
    .flatMap(([name, versions]) => {
      const given = delivered?.get(name);
      if (given !== undefined && versions.has(given)) return [];
      if (given !== undefined) return [{ code: "secret_rotated", detail: name }];
      return [
        { code: delivered === undefined ? "unknown_version" : "reference_changed", detail: name },
      ];
    });
  const changed = hostContentNames(service).filter((name) =>
    hasContentChanged(desired, delivered, name),
  );
  return [
    ...rotated,
    ...changed.map((name) => ({ code: "config_content_changed", detail: name })),
    ...givenReasons(desired, service, delivered),
  ];
}

/** Nothing is told of a program of which nobody knows what it gives: that is decided when it is asked. */
function givenReasons(
  desired: Desired,
  service: DesiredService,
  delivered: DeliveredVersions | undefined,
): readonly Reason[] {
  const programs = programsOf(service, desired.programs);
  if (programs.some(({ answer }) => answer === undefined)) return [];
  const wanted = new Map(
    referencesIn(service)
      .filter(isGiven)
      .map((one) => [valueName(one), wantedVersion(desired, one)]),
  );
  const had = [...(delivered?.keys() ?? [])].filter(isGivenName);
  const names = [...new Set([...wanted.keys(), ...had])];
  const changed = names.filter((name) => delivered?.get(name) !== wanted.get(name));
  const givers = new Set(changed.map((name) => secretIdOf(name).path.split("/")[0] ?? ""));
  return [...givers].sort(byText).map((detail) => ({ code: "provider_changed", detail }));
}

/** Of what was delivered before its fingerprint was kept nobody knows, and that is no change. */
export function hasContentChanged(
  desired: Desired,
  delivered: DeliveredVersions | undefined,
  name: string,
): boolean {
  const [given, wanted] = [delivered?.get(name), desired.versions.get(name)];
  return given !== undefined && wanted !== undefined && given !== wanted;
}

/** Why the files that the container has are not made of what they should be made of. */
export function fileReasons(service: DesiredService, spec: Spec): readonly Reason[] {
  const wanted = new Map(service.files.map((file) => [file.target, specFile(file)]));
  const targets = new Set([...wanted.keys(), ...Object.keys(spec.files)]);
  return [...targets].sort(byText).flatMap((target) => {
    const [before, after] = [spec.files[target], wanted.get(target)];
    if (before !== undefined && after !== undefined && sameFile(before, after)) return [];
    const templates = [before, after].every((file) => file?.content.startsWith("sha256:") === true);
    return [{ code: templates ? "config_content_changed" : "reference_changed", detail: target }];
  });
}

function sameFile(a: SpecFile, b: SpecFile): boolean {
  return a.content === b.content && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

/** Every value at every place of the service, with the version it had and the one it gets. */
export function deliveryChanges(
  desired: Desired,
  service: DesiredService,
  delivered: DeliveredVersions | undefined,
): readonly DeliveryChange[] {
  return service.bindings.flatMap((binding) =>
    referencesOf(binding.template).map((reference) => ({
      place: placePath(binding.place),
      value: valueName(reference),
      from: delivered?.get(valueName(reference)),
      to: wantedVersion(desired, reference),
      grade: binding.grade,
    })),
  );
}

export function placePath(place: Place): string {
  return place.kind === "environment" ? `environment.${place.name}` : `file.${place.target}`;
}

/** `dso://db#password @8`, or only the text where the version is not known. */
export function referenceText(
  binding: Binding,
  versionOf: (reference: Reference) => Version | undefined,
): string {
  return referencesOf(binding.template)
    .map((reference) => shownReference(reference.text, versionOf(reference)))
    .join(", ");
}

/** Without its target: that is the place where it is shown, and may be private. */
export function shownReference(text: string, version: Version | undefined): string {
  const shown = text.replace(/([?&])target=[^&#]*&?/, "$1").replace(/[?&](?=#|$)/, "");
  return version === undefined ? shown : `${shown} @${version}`;
}
