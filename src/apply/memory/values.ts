import {
  referencesOf,
  type Desired,
  type DesiredService,
  type FileDelivery,
  hostContentNames,
  type Template,
} from "../../model/desired.ts";
import { DsoError } from "../../model/errors.ts";
import { isGiven } from "../../model/programs.ts";
import { type Reference, valueName, versionKey } from "../../model/reference.ts";
import { Secret } from "../../model/secret.ts";
import type { Versions } from "../../model/version.ts";
import type { PlacedReference } from "../../providers/values.ts";
import type { Answers } from "../answers.ts";
import { type HostVariables, readHostContents } from "./hostContent.ts";

/** The values of one run; gone with `drop`. */
export interface Values {
  readonly all: readonly Secret[];
  render(template: Template): Secret;
  /** What was made of values: it goes with them. */
  hold(bytes: Buffer): Secret;
  /** What a file of the service's memory directory holds. */
  content(service: string, file: FileDelivery): Secret;
  drop(): void;
}

export interface ValueSource {
  /**
   * Value name to value. Rejects with one error that lists every secret that is
   * missing, denied or empty. The caller owns the values and drops them.
   */
  readonly readValues: (
    references: readonly PlacedReference[],
    versions: Versions,
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, Secret>>;
  /** For `secrets: { x: { environment: … } }`. */
  readonly hostVariables: HostVariables;
  /** What programs give, also later. */
  readonly answers: Pick<Answers, "value">;
}

/** Reads all that these services need, before anything is changed; every fault is in the error. */
export async function readAll(
  source: ValueSource,
  desired: Desired,
  services: readonly DesiredService[],
  signal: AbortSignal,
): Promise<Values> {
  const found = new Map<string, Secret>();
  const files = new Map<string, Secret>();
  const values = valuesOf(found, files, source.answers);
  try {
    const distinct = new Map<string, PlacedReference>();
    for (const reference of services.flatMap(placedReferences)) {
      if (isGiven(reference)) continue;
      // The first place of each is the one that an error names.
      if (!distinct.has(keyOf(reference))) distinct.set(keyOf(reference), reference);
    }
    // Two versions of one value have one name, so each pinned version is asked for by itself.
    for (const [, group] of Map.groupBy(distinct.values(), ({ pinned }) => pinned)) {
      const read = await source.readValues(group, desired.versions, signal);
      for (const reference of group) {
        const value = read.get(valueName(reference));
        if (value !== undefined) found.set(keyOf(reference), value);
      }
    }
    for (const { service, target, value } of readHostContents(services, source.hostVariables)) {
      files.set(fileKey(service, target), value);
    }
    return values;
  } catch (error) {
    values.drop();
    throw error;
  }
}

function valuesOf(
  found: Map<string, Secret>,
  files: Map<string, Secret>,
  answers: Pick<Answers, "value">,
): Values {
  const made: Secret[] = [];
  const hold = (bytes: Buffer): Secret => {
    const secret = new Secret(bytes);
    made.push(secret);
    return secret;
  };
  const render = (template: Template): Secret => {
    const parts = template.map((part) =>
      typeof part === "string" ? Buffer.from(part) : valueOf(found, answers, part).reveal(),
    );
    return hold(Buffer.concat(parts));
  };
  return {
    get all() {
      return [...found.values(), ...files.values()];
    },
    render,
    hold,
    content: (service, { content, target }) => {
      if (content.kind === "template") return render(content.template);
      const value = files.get(fileKey(service, target));
      if (value === undefined) throw new Error(`${target} of ${service} was not read`);
      return value;
    },
    drop() {
      for (const secret of [...found.values(), ...files.values(), ...made]) secret.drop();
    },
  };
}

function valueOf(
  found: ReadonlyMap<string, Secret>,
  answers: Pick<Answers, "value">,
  reference: Reference,
): Secret {
  const value = isGiven(reference) ? answers.value(reference) : found.get(keyOf(reference));
  if (value !== undefined) return value;
  throw new DsoError("secret-missing", `${valueName(reference)} was not given by its provider`);
}

function keyOf(reference: Reference): string {
  return JSON.stringify([valueName(reference), reference.pinned]);
}

function fileKey(service: string, target: string): string {
  return JSON.stringify([service, target]);
}

/** Of its variables and files. */
function placedReferences(service: DesiredService): readonly PlacedReference[] {
  return [
    ...service.bindings.flatMap(({ template, position }) =>
      referencesOf(template).map((reference) => ({ ...reference, position })),
    ),
    ...service.files.flatMap(({ content }) =>
      content.kind === "template" ? referencesOf(content.template) : [],
    ),
  ];
}

/** Value name to version, of everything that the service is given; host contents by their names. */
export function versionsOf(
  service: DesiredService,
  desired: Desired,
): Readonly<Record<string, string>> {
  const entries = placedReferences(service).flatMap((reference) => {
    const version = desired.versions.get(versionKey(reference)) ?? reference.pinned;
    return version === undefined ? [] : [[valueName(reference), version] as const];
  });
  const contents = hostContentNames(service).flatMap((name) => {
    const version = desired.versions.get(name);
    return version === undefined ? [] : [[name, version] as const];
  });
  return Object.fromEntries([...entries, ...contents].sort(([a], [b]) => (a < b ? -1 : 1)));
}
