/** The observed containers, sorted by what they are to the project. */
import type { Desired } from "../model/desired.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Observed, ObservedContainer } from "../model/observed.ts";
import { byText } from "./order.ts";

/** A container that stands for one replica. */
export interface Instance {
  readonly service: string;
  readonly number: number;
  readonly container: ObservedContainer;
}

export interface Inventory {
  /** By service of the model, in the order of their numbers; a number may be there twice. */
  readonly instances: ReadonlyMap<string, readonly Instance[]>;
  /** Of services that the files do not know. */
  readonly orphans: readonly Instance[];
  /** Of services that are in the files or not, with a number that no replica can have. */
  readonly misnumbered: readonly ObservedContainer[];
  /** One-off runs that have ended. */
  readonly finishedRuns: readonly ObservedContainer[];
  /** Of services that profiles switch off, and one-offs at work: left alone. */
  readonly bystanders: readonly ObservedContainer[];
}

export function takeInventory(desired: Desired, observed: Observed): Inventory {
  const present = observed.containers
    .filter(({ state }) => state !== "removing")
    .sort((a, b) => byText(a.name, b.name) || byText(a.id, b.id));
  const runs = present.filter(isOneOff);
  const replicas = present.filter((container) => !isOneOff(container));
  const numbered = replicas.flatMap(instanceOf);
  const known = numbered.filter(({ service }) => desired.services.has(service));
  const disabled = new Set(desired.project.disabledServices);
  const misnumbered = replicas.filter(isMisnumbered);
  const strangers = numbered.filter(({ service }) => !desired.services.has(service));
  return {
    instances: groupBy(known),
    orphans: strangers.filter(({ service }) => !disabled.has(service)).sort(byAddress),
    misnumbered: misnumbered.filter((container) => !disabled.has(serviceOf(container) ?? "")),
    finishedRuns: runs.filter(hasEnded),
    bystanders: [
      ...misnumbered.filter((container) => disabled.has(serviceOf(container) ?? "")),
      ...strangers.filter(({ service }) => disabled.has(service)).map((one) => one.container),
      ...runs.filter((run) => !hasEnded(run)),
    ],
  };
}

function isOneOff(container: ObservedContainer): boolean {
  return container.labels[COMPOSE.oneoff] === "True";
}

function hasEnded({ state }: ObservedContainer): boolean {
  return state === "exited" || state === "dead";
}

/** Containers without a service or a number (hooks of Compose, things of strangers) are no replicas. */
function instanceOf(container: ObservedContainer): readonly Instance[] {
  const service = serviceOf(container);
  const number = Number(container.labels[COMPOSE.number]);
  if (service === undefined || !Number.isSafeInteger(number) || number < 1) return [];
  return [{ service, number, container }];
}

/** It says that it is a replica, and which one cannot be told. */
function isMisnumbered(container: ObservedContainer): boolean {
  const numbered = container.labels[COMPOSE.number] !== undefined;
  return serviceOf(container) !== undefined && numbered && instanceOf(container).length === 0;
}

export function serviceOf({ labels }: ObservedContainer): string | undefined {
  return labels[COMPOSE.service];
}

function groupBy(instances: readonly Instance[]): ReadonlyMap<string, readonly Instance[]> {
  const groups = new Map<string, Instance[]>();
  for (const instance of [...instances].sort(byAddress)) {
    const group = groups.get(instance.service) ?? [];
    group.push(instance);
    groups.set(instance.service, group);
  }
  return groups;
}

function byAddress(a: Instance, b: Instance): number {
  return (
    byText(a.service, b.service) ||
    a.number - b.number ||
    byText(a.container.name, b.container.name)
  );
}

export function isUp({ state }: ObservedContainer): boolean {
  return state === "running" || state === "restarting" || state === "paused";
}

/** How much it serves: what runs is worth more than what hangs or is paused, and that more than what ended. */
export function liveness({ state }: ObservedContainer): number {
  return state === "running" ? 3 : state === "restarting" ? 2 : state === "paused" ? 1 : 0;
}

export function containerAddress(service: string, number: number): string {
  return `container.${service}[${number}]`;
}
