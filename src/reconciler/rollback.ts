import { type Desired, isHostContentName, referencesOf } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import { isGivenName } from "../model/programs.ts";
import type { ComposeProject } from "../model/project.ts";
import { versionKey } from "../model/reference.ts";
import { readVersions, type WantedReference } from "../providers/versions.ts";
import { describeServices, withAnswers, withVariables } from "./load.ts";
import type { Context } from "./context.ts";
import { hostVersions } from "./hostContent.ts";
import type { HistoryEntry, StoredModel } from "./state.ts";

export interface RollbackTarget {
  readonly desired: Desired;
  readonly revision: number;
}

/**
 * The state before the last one that was applied: its model and its versions. A
 * second rollback goes one further back. With `service`, only that service is
 * taken from there. Files and variables of this host are as they are now: no older
 * ones are kept. Rejects with `usage` when nothing earlier is known and with
 * `secret-version-gone` before anything is touched.
 */
export async function rollbackTarget(
  context: Context,
  project: string,
  service: string | undefined,
  signal: AbortSignal,
): Promise<RollbackTarget> {
  const history = await context.state.history(project);
  const [current, previous] = choose(project, history);
  const model =
    service === undefined
      ? previous.model
      : withService(current.model, previous.model, service, previous.revision);
  const known = await context.state.registered(project);
  const restored = await withVariables(context, known?.request, restore(model), signal);
  const services = describeServices(context, restored);
  const kept = secretVersions(
    service === undefined ? previous.versions : { ...current.versions, ...previous.versions },
  );
  const versions = new Map([...kept, ...(await hostVersions(context, restored, services))]);
  const desired = { project: restored, services, versions, unversioned: new Set<string>() };
  await readVersions(context.providers, pinned(desired), signal);
  return { desired: await withAnswers(context, desired), revision: previous.revision };
}

/** All references at exactly the versions of the snapshot, so that asking for them checks that they are kept. */
function pinned({ services, versions }: Desired): readonly WantedReference[] {
  return [...services.values()].flatMap(({ bindings }) =>
    bindings.flatMap(({ template, position }) =>
      referencesOf(template).map((reference) => {
        const version = versions.get(versionKey(reference));
        return {
          reference: version === undefined ? reference : { ...reference, pinned: version },
          position,
        };
      }),
    ),
  );
}

type Applied = HistoryEntry & { readonly model: StoredModel };

function choose(project: string, history: readonly HistoryEntry[]): readonly [Applied, Applied] {
  const applied = history.filter((entry): entry is Applied => entry.model !== undefined);
  const current = applied[0];
  const before = current?.rollbackTo ?? current?.revision ?? 0;
  const previous = applied.find(
    (entry) => entry.revision < before && current !== undefined && differs(entry, current),
  );
  if (current === undefined || previous === undefined) {
    throw new DsoError("usage", `Nothing earlier is known of project ${project}.`, {
      hint: "`dso history` lists what was applied; a rollback needs two different applies.",
    });
  }
  return [current, previous];
}

function differs(a: Applied, b: Applied): boolean {
  const state = ({ model, versions }: Applied): string =>
    JSON.stringify([model, secretVersions(versions)]);
  return state(a) !== state(b);
}

/** Those of a store: what only this host holds, or a program gives, cannot be brought back. */
export function secretVersions(
  versions: HistoryEntry["versions"],
): readonly (readonly [string, string])[] {
  return Object.entries(versions).filter(
    ([name]) => !isHostContentName(name) && !isGivenName(name),
  );
}

function withService(
  current: StoredModel,
  previous: StoredModel,
  service: string,
  revision: number,
): StoredModel {
  const old = previous.services[service];
  if (old === undefined) {
    throw new DsoError("usage", `Revision ${revision} has no service ${service}.`, {
      hint: `It has ${Object.keys(previous.services).sort().join(", ")}.`,
    });
  }
  return { ...current, services: { ...current.services, [service]: old } };
}

/** A model out of the history: its places in files are no longer known. */
export function restore(model: StoredModel): ComposeProject {
  return {
    ...model,
    services: new Map(Object.entries(model.services)),
    networks: new Map(Object.entries(model.networks)),
    volumes: new Map(Object.entries(model.volumes)),
    secrets: new Map(Object.entries(model.secrets)),
    configs: new Map(Object.entries(model.configs)),
    positions: { at: () => undefined, literal: () => false },
    warnings: [],
  };
}
