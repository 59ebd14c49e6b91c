/** The operations of a plan, each after those that it needs. */
import type { Operation } from "../model/plan.ts";
import type { ServiceDecision } from "./decision.ts";
import { addDeparture, type Departure } from "./departures.ts";
import { addImages } from "./fetches.ts";
import { afterOr, createGraph, type Graph } from "./graph.ts";
import { isUp } from "./inventory.ts";
import type { NetworkDecision } from "./networks.ts";
import { addVacating } from "./names.ts";
import { byText } from "./order.ts";
import { reasonsText } from "./reasons.ts";
import { addEarlyAsks, addLateAsk, type Ask } from "./programs.ts";
import { addService, type Prerequisites } from "./serviceOperations.ts";
import type { Situation } from "./situation.ts";

export interface Decided {
  readonly services: readonly ServiceDecision[];
  readonly networks: readonly NetworkDecision[];
  /** Compose keys. */
  readonly volumes: readonly string[];
  readonly orphans: readonly Departure[];
  /** In dependency order. */
  readonly asks: readonly Ask[];
}

export function buildOperations(situation: Situation, decided: Decided): readonly Operation[] {
  const graph = createGraph();
  const all = new Map(decided.services.map((one) => [one.service.name, one]));
  const images = addImages(graph, situation, decided.services);
  const asked = addEarlyAsks(graph, situation, decided.asks, all, images);
  const gate = afterOr([...asked.values()], images);
  const orphans = decided.orphans.map((departure) => addDeparture(graph, departure, gate, false));
  const networks = addNetworks(graph, situation, decided.networks, gate, orphans);
  const volumes = new Map(
    decided.volumes.map((key) => [
      key,
      graph.add(
        { kind: "create-volume", volume: key, address: `volume.${key}`, why: "created" },
        gate,
      ),
    ]),
  );
  const orphanNames = new Set(decided.orphans.map(({ container }) => container.name));
  const vacated = addVacating(graph, decided.services, gate);
  const before = { gate, orphans, orphanNames, vacated };
  const needs: Prerequisites = { ...before, networks, volumes, asked, done: new Map() };
  const asks = new Map(decided.asks.map((one) => [one.program.name, one]));
  for (const name of situation.order) {
    const [service, ask] = [all.get(name), asks.get(name)];
    if (service !== undefined) addService(graph, situation, service, all, needs);
    if (ask !== undefined && !asked.has(name)) addLateAsk(graph, situation, ask, all, needs);
  }
  removeNetworks(graph, decided.networks, gate);
  return graph.operations;
}

/** Returns, by key, the operation after which the network is there. */
function addNetworks(
  graph: Graph,
  situation: Situation,
  networks: readonly NetworkDecision[],
  gate: readonly number[],
  orphans: readonly number[],
): ReadonlyMap<string, number> {
  const ready = new Map<string, number>();
  for (const decision of networks) {
    if (decision.action !== "create" && decision.action !== "replace") continue;
    const { key } = decision;
    const common = { address: `network.${key}`, why: reasonsText(decision.reasons) };
    const cleared =
      decision.action === "create"
        ? gate
        : [clearNetwork(graph, situation, decision, afterOr(orphans, gate))];
    ready.set(key, graph.add({ ...common, kind: "create-network", network: key }, cleared));
  }
  return ready;
}

/** A network in use cannot be removed: everything is taken off it first. Returns the removal's id. */
function clearNetwork(
  graph: Graph,
  { observed }: Situation,
  { key, network, reasons }: Extract<NetworkDecision, { action: "replace" }>,
  after: readonly number[],
): number {
  const common = { address: `network.${key}`, why: reasonsText(reasons) };
  const detached = observed.containers
    .filter(({ networks }) => networks.some(({ networkId }) => networkId === network.id))
    .filter(isUp)
    .sort((a, b) => byText(a.name, b.name))
    .map(({ id: containerId }) =>
      graph.add(
        { ...common, kind: "disconnect-network", containerId, networkId: network.id },
        after,
      ),
    );
  const { id: networkId, name } = network;
  return graph.add(
    { ...common, kind: "remove-network", networkId, name },
    afterOr(detached, after),
  );
}

/** Last of all, when nobody is attached any more. */
function removeNetworks(
  graph: Graph,
  networks: readonly NetworkDecision[],
  gate: readonly number[],
): void {
  const before = graph.operations
    .filter(({ kind }) => kind === "remove-container" || kind === "replace-container")
    .map(({ id }) => id);
  for (const decision of networks) {
    if (decision.action !== "remove") continue;
    const { id: networkId, name } = decision.network;
    const common = { address: `network.${decision.key}`, why: reasonsText(decision.reasons) };
    graph.add({ ...common, kind: "remove-network", networkId, name }, afterOr(before, gate));
  }
}
