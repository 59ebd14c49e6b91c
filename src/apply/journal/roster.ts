import { COMPOSE } from "../../model/labels.ts";
import type { Neighbour } from "../../compose/create/context.ts";
import type { ObservedContainer } from "../../model/observed.ts";
import type { RotationLog } from "./rotation.ts";

/** Which container is which replica of which service, kept up while the run changes it. */
export interface Roster {
  /** By number, lowest first; one-off containers are not among them. */
  containersOf(service: string): readonly Neighbour[];
  put(service: string, number: number, container: Neighbour): void;
  rename(id: string, name: string): void;
  remove(id: string): void;
  /** By id, the journal entries of containers that this run made where none was. */
  readonly fresh: Map<string, RotationLog>;
  /** By service, what runs before the first of the containers that this run starts. */
  readonly forerun: Map<string, Promise<void>>;
}

interface Replica {
  readonly service: string;
  readonly number: number;
  readonly name: string;
}

export function createRoster(containers: readonly ObservedContainer[]): Roster {
  const replicas = new Map<string, Replica>();
  for (const { id, name, labels } of containers) {
    const service = labels[COMPOSE.service];
    if (service === undefined || labels[COMPOSE.oneoff] === "True") continue;
    replicas.set(id, { service, name, number: Number(labels[COMPOSE.number] ?? "0") });
  }
  return {
    containersOf: (service) =>
      [...replicas]
        .filter(([, replica]) => replica.service === service)
        .sort(([, a], [, b]) => a.number - b.number)
        .map(([id, { name }]) => ({ id, name })),
    put: (service, number, { id, name }) => void replicas.set(id, { service, number, name }),
    rename: (id, name) => {
      const replica = replicas.get(id);
      if (replica !== undefined) replicas.set(id, { ...replica, name });
    },
    remove: (id) => void replicas.delete(id),
    fresh: new Map(),
    forerun: new Map(),
  };
}
