import { COMPOSE } from "../../model/labels.ts";
import type { ObservedContainer } from "../../model/observed.ts";
import type { RotationLog } from "./rotation.ts";

/** Which container is which replica of which service, kept up while the run changes it. */
export interface Roster {
  /** Ids by number, lowest first; one-off containers are not among them. */
  containersOf(service: string): readonly string[];
  put(service: string, number: number, id: string): void;
  remove(id: string): void;
  /** By id, the journal entries of containers that this run made where none was. */
  readonly fresh: Map<string, RotationLog>;
  /** By service, what runs before the first of the containers that this run starts. */
  readonly forerun: Map<string, Promise<void>>;
}

export function createRoster(containers: readonly ObservedContainer[]): Roster {
  const replicas = new Map<string, { readonly service: string; readonly number: number }>();
  for (const { id, labels } of containers) {
    const service = labels[COMPOSE.service];
    if (service === undefined || labels[COMPOSE.oneoff] === "True") continue;
    replicas.set(id, { service, number: Number(labels[COMPOSE.number] ?? "0") });
  }
  return {
    containersOf: (service) =>
      [...replicas]
        .filter(([, replica]) => replica.service === service)
        .sort(([, a], [, b]) => a.number - b.number)
        .map(([id]) => id),
    put: (service, number, id) => void replicas.set(id, { service, number }),
    remove: (id) => void replicas.delete(id),
    fresh: new Map(),
    forerun: new Map(),
  };
}
