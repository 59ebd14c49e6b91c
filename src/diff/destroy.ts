/** Takes everything down: containers before what they depend on, then networks, volumes only if asked. */
import { COMPOSE } from "../model/labels.ts";
import type { ObservedVolume } from "../model/observed.ts";
import type { Change, Plan } from "../model/plan.ts";
import { departure, objectChange } from "./changes.ts";
import { addDeparture, type Departure, departureOf } from "./departures.ts";
import { afterOr, createGraph, type Graph } from "./graph.ts";
import { type Instance, serviceOf } from "./inventory.ts";
import { observedNetwork } from "./objectChanges.ts";
import { addAsk, type Ask, askChange, decideDown } from "./programs.ts";
import { dependenciesOf } from "../model/dependencies.ts";
import { byText, dependencyOrder } from "./order.ts";
import type { Situation } from "./situation.ts";

const REASONS = [{ code: "destroy", detail: undefined }];
const WHY = "destroy";

export function destroyPlan(situation: Situation): Plan {
  const { desired, observed, options } = situation;
  const graph = createGraph();
  const { departures, needs } = leaving(situation);
  const containers = addContainers(graph, departures, needs, options.removeVolumes);
  const asks = decideDown(situation);
  addDowns(graph, situation, asks, containers);
  const rest = [
    ...asks.map((ask) => askChange(situation, ask)),
    ...networkRemovals(situation, graph, containers),
    ...volumeRemovals(situation, graph, containers),
  ];
  return {
    project: desired.project.name,
    engineId: observed.engine.id,
    options,
    changes: [...departures.map(departure), ...rest],
    unchanged: [],
    drift: [],
    operations: graph.operations,
    warnings: [],
  };
}

/** Dependents first. Services that the files do not know tell by label what they depend on. */
function leaving(situation: Situation): {
  readonly departures: readonly Departure[];
  readonly needs: ReadonlyMap<string, readonly string[]>;
} {
  const { desired, inventory, selection, options } = situation;
  const strangers = [...inventory.orphans, ...inventory.bystanders.flatMap(asInstance)];
  const instances = [...inventory.instances.values(), strangers].flat();
  const needs = new Map<string, readonly string[]>();
  for (const { service, container } of instances) {
    const model = desired.services.get(service)?.model;
    const known =
      model === undefined ? labelled(container.labels) : [...dependenciesOf(model).keys()];
    needs.set(service, known);
  }
  const order = dependencyOrder(needs);
  const departures = instances
    .filter(({ service, number }) => selection.container(service, number))
    .sort(
      (a, b) =>
        order.indexOf(b.service) - order.indexOf(a.service) ||
        b.number - a.number ||
        byText(a.container.name, b.container.name),
    )
    .map((instance) => departureOf(instance, REASONS));
  const runs = [
    ...inventory.finishedRuns,
    ...inventory.bystanders.filter((run) => asInstance(run).length === 0),
  ];
  const misnumbered = inventory.misnumbered
    .filter((container) => selection.service(serviceOf(container) ?? ""))
    .map(runDeparture);
  const own = [...misnumbered, ...departures];
  if (selection.partial || options.excludes.length > 0) return { departures: own, needs };
  return { departures: [...runs.map(runDeparture), ...own], needs };
}

function asInstance(container: Instance["container"]): readonly Instance[] {
  const number = Number(container.labels[COMPOSE.number]);
  const service = container.labels[COMPOSE.service];
  return service === undefined || !(number >= 1) ? [] : [{ service, number, container }];
}

export function runDeparture(container: Instance["container"]): Departure {
  const service = container.labels[COMPOSE.service] ?? container.name;
  return {
    address: `container.${service}["${container.name}"]`,
    service,
    number: undefined,
    container,
    reasons: REASONS,
  };
}

/** `db:service_healthy:false,cache:…` */
function labelled(labels: Readonly<Record<string, string>>): readonly string[] {
  return (labels[COMPOSE.dependsOn] ?? "").split(",").flatMap((entry) => entry.split(":")[0] || []);
}

/** Returns the ids of the removals. A container waits for those that depend on it. */
function addContainers(
  graph: Graph,
  departures: readonly Departure[],
  needs: ReadonlyMap<string, readonly string[]>,
  volumes: boolean,
): readonly number[] {
  const removed = new Map<string, number[]>();
  for (const one of departures) {
    const dependents = [...needs].flatMap(([name, needed]) =>
      needed.includes(one.service) && name !== one.service ? (removed.get(name) ?? []) : [],
    );
    const id = addDeparture(graph, one, dependents, volumes);
    removed.set(one.service, [...(removed.get(one.service) ?? []), id]);
  }
  return [...removed.values()].flat().sort((a, b) => a - b);
}

/** Once what used them is gone, each after those that depend on it. */
function addDowns(
  graph: Graph,
  { desired }: Situation,
  asks: readonly Ask[],
  containers: readonly number[],
): void {
  const done = new Map<string, number>();
  for (const ask of asks) {
    const dependents = [...done].flatMap(([name, id]) => {
      const model = desired.programs?.get(name)?.model;
      return model !== undefined && dependenciesOf(model).has(ask.program.name) ? id : [];
    });
    done.set(ask.program.name, addAsk(graph, ask, afterOr(dependents, containers)));
  }
}

function networkRemovals(
  { observed, selection }: Situation,
  graph: Graph,
  after: readonly number[],
): readonly Change[] {
  return [...observed.networks]
    .sort((a, b) => byText(a.name, b.name))
    .flatMap((network) => {
      const key = network.labels[COMPOSE.network];
      if (key === undefined || !selection.network(key)) return [];
      const { id: networkId, name } = network;
      const common = { address: `network.${key}`, why: WHY };
      graph.add({ ...common, kind: "remove-network", networkId, name }, afterOr(after, []));
      const before = observedNetwork(network);
      return [objectChange("network", key, name, { action: "delete", reasons: REASONS, before })];
    });
}

function volumeRemovals(
  { observed, selection, options }: Situation,
  graph: Graph,
  after: readonly number[],
): readonly Change[] {
  if (!options.removeVolumes) return [];
  return [...observed.volumes]
    .sort((a, b) => byText(a.name, b.name))
    .flatMap((volume: ObservedVolume) => {
      const key = volume.labels[COMPOSE.volume];
      if (key === undefined || !selection.volume(key)) return [];
      const { name, driver } = volume;
      graph.add({ kind: "remove-volume", name, address: `volume.${key}`, why: WHY }, after);
      const before = { name, driver };
      return [objectChange("volume", key, name, { action: "delete", reasons: REASONS, before })];
    });
}
