/** What a container of ours remembers of the service it was made from: the label `dso.spec`. */
import { createHash } from "node:crypto";
import type {
  Desired,
  DesiredService,
  FileContent,
  FileDelivery,
  Grade,
  Template,
} from "./desired.ts";
import { DSO } from "./labels.ts";
import { isReferenceLike } from "./parseReference.ts";
import { isGivenBinding } from "./programs.ts";
import type { Json, Positions, ServiceModel } from "./project.ts";
import { parseJson } from "./errors.ts";

export interface Spec {
  readonly v: 1;
  /** What a container is made of; references stand in it as text. */
  readonly service: ServiceModel;
  readonly image: string;
  readonly replicas: number;
  /** By absolute target, what each delivered file is made of. */
  readonly files: Readonly<Record<string, SpecFile>>;
  /** Where its variables with values are; before there was this, all of them stood in its configuration. */
  readonly env?: "sealed" | "exposed";
  /** Variables that programs of provider services gave; absent: none. */
  readonly given?: readonly string[];
  /** Dotted paths of `service` that did not stand literally in a compose file: never printed. */
  readonly private: readonly string[];
}

export interface SpecFile {
  /** The reference's text, `sha256:…` of a template's text, `file:…` or `variable:…`. Never a value. */
  readonly content: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** A leaf of a model: the keys that lead to it, and what stands there. */
export interface Leaf {
  readonly path: readonly string[];
  readonly value: Json;
}

/** Keys that say how a container comes to be or is ordered, not what it is. Compose hashes none of them. */
const NOT_OF_THE_CONTAINER: ReadonlySet<string> = new Set([
  "build",
  "pull_policy",
  "scale",
  "depends_on",
  "profiles",
]);

export function makeSpec(desired: Desired, service: DesiredService): Spec {
  const model = containerModel(service.model);
  const { positions } = desired.project;
  return {
    v: 1,
    service: model,
    image: service.image,
    replicas: service.replicas,
    files: Object.fromEntries(service.files.map((file) => [file.target, specFile(file)])),
    ...envOf(gradeOf(service)),
    ...givenOf(service),
    private: leavesOf(model)
      .filter(
        ({ path, value }) => !isLiteral(positions, ["services", service.name, ...path], value),
      )
      .map(({ path }) => path.join(".")),
  };
}

/** Of its variables with values; undefined where it has none. */
export function gradeOf({ bindings }: Pick<DesiredService, "bindings">): Grade | undefined {
  return bindings.find(({ place }) => place.kind === "environment")?.grade;
}

function givenOf({ bindings }: DesiredService): Pick<Spec, "given"> {
  const names = bindings
    .filter(isGivenBinding)
    .flatMap(({ place }) => (place.kind === "environment" ? place.name : []));
  return names.length === 0 ? {} : { given: names.sort() };
}

function envOf(grade: unknown): Pick<Spec, "env"> {
  return grade === "sealed" || grade === "exposed" ? { env: grade } : {};
}

/** The spec of a container's labels; undefined where it has none, or one of a form not known here. */
export function readSpec(labels: Readonly<Record<string, string>>): Spec | undefined {
  const text = labels[DSO.spec];
  if (text === undefined) return undefined;
  const found = parseJson(text);
  if (!isRecord(found) || found["v"] !== 1 || !isRecord(found["service"])) return undefined;
  const { service, image, replicas, files, private: hidden } = found;
  return {
    v: 1,
    service,
    image: typeof image === "string" ? image : "",
    replicas: typeof replicas === "number" ? replicas : 1,
    files: isRecord(files) ? (files as Spec["files"]) : {},
    ...envOf(found["env"]),
    ...(Array.isArray(found["given"]) ? { given: found["given"].map(String) } : {}),
    private: Array.isArray(hidden) ? hidden.map(String) : leavesOf(service).map(dotted),
  };
}

/** Variables that hold a value, or a text with values in it. */
export function valueNames({
  service,
  given = [],
}: Pick<Spec, "service" | "given">): ReadonlySet<string> {
  const variables = Object.entries(service.environment ?? {});
  const names = variables.flatMap(([name, value]) =>
    value !== null && isReferenceLike(value) && !value.startsWith("dsofile:") ? [name] : [],
  );
  return new Set([...names, ...given]);
}

/** The service without the keys that are no part of its containers, and without extensions. */
export function containerModel(model: ServiceModel): ServiceModel {
  const rest: ServiceModel = pick(
    model,
    (key) => !NOT_OF_THE_CONTAINER.has(key) && !key.startsWith("x-"),
  );
  if (rest.deploy === undefined) return rest;
  return { ...rest, deploy: pick(rest.deploy, (key) => key !== "replicas") };
}

function pick(from: object, wanted: (key: string) => boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(from).filter(([key, value]) => value !== undefined && wanted(key)),
  );
}

/** Everything below, in the order of its keys; lists and empty maps are leaves. */
export function leavesOf(value: unknown, path: readonly string[] = []): readonly Leaf[] {
  if (!isRecord(value) || (path.length > 0 && Object.keys(value).length === 0)) {
    return [{ path, value: value as Json }];
  }
  return Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .flatMap((key) => leavesOf(value[key], [...path, key]));
}

/** Whether all of the value stood literally in a compose file: a list may while an item of it does not. */
export function isLiteral(
  positions: Positions,
  path: readonly (string | number)[],
  value: Json,
): boolean {
  // Nothing stands there, wherever that comes from.
  if (value === null) return true;
  if (Array.isArray(value) && value.length > 0) {
    return value.every((item: Json, index) => isLiteral(positions, [...path, index], item));
  }
  if (isRecord(value) && Object.keys(value).length > 0) {
    return Object.entries(value).every(([key, item]) => isLiteral(positions, [...path, key], item));
  }
  return positions.literal(path);
}

export function specFile(file: FileDelivery): SpecFile {
  const { mode, uid, gid } = file;
  return {
    content: contentText(file.content),
    ...(mode === undefined ? {} : { mode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
}

function contentText(content: FileContent): string {
  switch (content.kind) {
    case "host-file":
      return `file:${content.path}`;
    case "host-variable":
      return `variable:${content.variable}`;
    case "template":
      return templateText(content.template);
  }
}

/** Literal text between references may be long or private, so only its hash is kept. */
function templateText(template: Template): string {
  const [only] = template;
  if (template.length === 1 && only !== undefined && typeof only !== "string") return only.text;
  const text = template.map((part) => (typeof part === "string" ? part : `{{${part.text}}}`));
  return `sha256:${createHash("sha256").update(text.join("")).digest("hex")}`;
}

function dotted({ path }: Leaf): string {
  return path.join(".");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
