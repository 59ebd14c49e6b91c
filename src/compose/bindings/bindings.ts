/** Where the references of a project stand, and what is delivered because of them. Pure. */
import {
  referencesOf,
  SECRETS_DIRECTORY,
  type Binding,
  type FileDelivery,
  type Grade,
  type Template,
} from "../../model/desired.ts";
import { combine, type DsoError } from "../../model/errors.ts";
import { isReferenceLike } from "../../model/parseReference.ts";
import type { ComposeProject, ServiceModel } from "../../model/project.ts";
import type { Reference } from "../../model/reference.ts";
import { grantedFiles } from "./grants.ts";
import { hookFaults } from "./hooks.ts";
import { misplacedReferences } from "./places.ts";
import { attempt, readTemplate, type BindingRules, type Reading } from "./reading.ts";
import { absoluteTarget, settleTargets, type WantedFile } from "./targets.ts";

export type { BindingRules } from "./reading.ts";

export interface ServiceBindings {
  /** Environment by name, then files by target. */
  readonly bindings: readonly Binding[];
  /** Sorted by target; empty when nothing of the service's directory is ours. */
  readonly files: readonly FileDelivery[];
}

/**
 * By service. Rejects with everything that is wrong: a reference where none is
 * read, in a longer value without braces, of an unknown provider; a target wanted
 * twice; a secret or config that cannot be delivered.
 */
export function findBindings(
  project: ComposeProject,
  rules: BindingRules,
): ReadonlyMap<string, ServiceBindings> {
  const faults: DsoError[] = [...misplacedReferences(project)];
  const found = new Map<string, ServiceBindings>();
  for (const [service, model] of project.services) {
    const bound = bindService({ project, service, model, rules, faults });
    faults.push(...hookFaults({ project, service, model }, bound.bindings));
    found.set(service, bound);
  }
  if (faults.length > 0) throw combine(distinct(faults));
  return found;
}

function bindService(reading: Reading): ServiceBindings {
  const { bindings, files } = readEnvironment(reading);
  const settled = settleTargets([...files, ...grantedFiles(reading, files.length > 0)], reading);
  return {
    bindings: [...bindings, ...settled.flatMap(fileBinding)],
    files: settled.map(({ file }) => file),
  };
}

function readEnvironment(reading: Reading): {
  readonly bindings: readonly Binding[];
  readonly files: readonly WantedFile[];
} {
  const { model, project, rules, service } = reading;
  const grade = gradeFor(reading);
  const bindings: Binding[] = [];
  const files: WantedFile[] = [];
  for (const [name, value] of Object.entries(model.environment ?? {}).sort(byName)) {
    if (value === null || !isReferenceLike(value)) continue;
    const position = project.positions.at(["services", service, "environment", name]);
    attempt(reading, position, () => {
      const template = readTemplate(value, rules);
      const file = fileReference(template);
      if (file !== undefined) {
        files.push({ file: deliver(file), position, by: `variable ${name}` });
        return;
      }
      bindings.push({ place: { kind: "environment", name }, template, grade, position });
    });
  }
  return { bindings, files };
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function fileReference(template: Template): Reference | undefined {
  const [only] = template;
  return typeof only === "object" && only.scheme === "dsofile" ? only : undefined;
}

function deliver(reference: Reference): FileDelivery {
  const { path, key, file } = reference;
  const target = absoluteTarget(file.target ?? (key === undefined ? path : `${path}/${key}`));
  return {
    target,
    inDirectory: target.startsWith(`${SECRETS_DIRECTORY}/`),
    content: { kind: "template", template: [reference] },
    mode: file.mode,
    uid: file.uid,
    gid: file.gid,
  };
}

/** How its variables are to be hidden; whether they can be so, only its image and this machine tell. */
function gradeFor({ model, rules }: Reading): Grade {
  const own = model["x-dso"];
  const policy = typeof own === "object" && own !== null && "env" in own ? own.env : undefined;
  return (policy ?? rules.defaults.env) === "exposed" ? "exposed" : "sealed";
}

function fileBinding({ file, position }: WantedFile): readonly Binding[] {
  const { content, target } = file;
  if (content.kind !== "template" || referencesOf(content.template).length === 0) return [];
  const place = { kind: "file", target } as const;
  return [{ place, template: content.template, grade: "file", position }];
}

/** One secret that several services use is one fault. */
function distinct(faults: readonly DsoError[]): readonly DsoError[] {
  const key = ({ message, position }: DsoError) => JSON.stringify([message, position]);
  return [...new Map(faults.toReversed().map((fault) => [key(fault), fault])).values()].reverse();
}

/**
 * The service's environment with the path of the file in place of each
 * `dsofile://`; values with `dso://` stay as they are, for whoever has the values.
 */
export function environmentAfterDelivery(
  model: ServiceModel,
  files: readonly FileDelivery[],
): Readonly<Record<string, string | null>> {
  const targets = new Map<string, string>();
  for (const { content, target } of files) {
    const reference = content.kind === "template" ? fileReference(content.template) : undefined;
    if (reference) targets.set(reference.text, target);
  }
  return Object.fromEntries(
    Object.entries(model.environment ?? {}).map(([name, value]) => [
      name,
      value === null ? null : (targets.get(value) ?? value),
    ]),
  );
}
