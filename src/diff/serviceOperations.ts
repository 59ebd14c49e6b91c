/** The operations on the containers of one service, and the waits for those that it depends on. */
import type { DesiredService } from "../model/desired.ts";
import type { Operation } from "../model/plan.ts";
import type { DependencyModel } from "../model/project.ts";
import {
  type DecisionOf,
  lasting,
  only,
  refreshed,
  replaced,
  type ServiceDecision,
} from "./decision.ts";
import { addDeparture, departureOf } from "./departures.ts";
import { afterOr, type Graph } from "./graph.ts";
import { containerAddress } from "./inventory.ts";
import { isJob } from "../model/jobs.ts";
import { isFinishedJob } from "./jobs.ts";
import { exclusiveness } from "./method.ts";
import { dependenciesOf } from "../model/dependencies.ts";
import { wantedNames } from "./names.ts";
import { reasonsText } from "./reasons.ts";
import { neededNetworks, type Situation } from "./situation.ts";
import { addChanges } from "./replicas.ts";
import { addSteps } from "./steps.ts";
import { neededVolumes } from "./volumes.ts";

type Services = ReadonlyMap<string, ServiceDecision>;

/** What operations of a service may have to wait for. */
export interface Prerequisites {
  /** Pulls and builds: nothing is stopped or made before all of them are done. */
  readonly gate: readonly number[];
  readonly orphans: readonly number[];
  /** Names that orphans give up when they go. */
  readonly orphanNames: ReadonlySet<string>;
  /** By the former name of a container that was named aside. */
  readonly vacated: ReadonlyMap<string, number>;
  readonly networks: ReadonlyMap<string, number>;
  readonly volumes: ReadonlyMap<string, number>;
  /** By provider service: the operation that asks it. */
  readonly asked: Map<string, number>;
  /** By service: the last operations on its containers. */
  readonly done: Map<string, readonly number[]>;
}

/** Doubles go first, then what stays is put right, replaced one after the other and added to; surplus goes last. */
export function addService(
  graph: Graph,
  situation: Situation,
  decision: ServiceDecision,
  all: Services,
  needs: Prerequisites,
): void {
  const { service } = decision;
  const base = afterOr(prerequisites(graph, situation, decision, all, needs), needs.gate);
  const numbers = new Set(lasting(decision).map(({ number }) => number));
  const removals = only(decision, "remove");
  const doubles = removals.filter(({ instance }) => numbers.has(instance.number));
  const surplus = removals.filter(({ instance }) => !numbers.has(instance.number));
  const depart = (one: DecisionOf<"remove">, after: readonly number[]): number =>
    addDeparture(graph, departureOf(one.instance, one.reasons), after, false);
  const cleared = afterOr(
    doubles.map((one) => depart(one, base)),
    base,
  );
  const done = [
    ...only(decision, "update").flatMap((one) => addSteps(graph, one, cleared)),
    ...addChanges(graph, situation, decision, cleared),
    ...only(decision, "create").map((one) =>
      addCreation(graph, situation, decision.service, one, cleared),
    ),
  ];
  needs.done.set(service.name, done);
  for (const one of surplus) depart(one, afterOr(done, cleared));
}

function addCreation(
  graph: Graph,
  { desired }: Situation,
  service: DesiredService,
  { number, name, reasons }: DecisionOf<"create">,
  after: readonly number[],
): number {
  return graph.add(
    {
      ...{ kind: "create-container", service: service.name, number, name },
      oneShot: isJob(desired, service),
      address: containerAddress(service.name, number),
      why: reasonsText(reasons),
    },
    after,
  );
}

/** Only what acts on containers needs anything. */
function prerequisites(
  graph: Graph,
  situation: Situation,
  decision: ServiceDecision,
  all: Services,
  needs: Prerequisites,
): readonly number[] {
  const { service } = decision;
  const makes = only(decision, "create").length + replaced(decision).length > 0;
  const acts = makes || only(decision, "update").length + refreshed(decision).length > 0;
  const former = decision.decisions.flatMap((one) =>
    one.action === "create" ? [] : [one.instance.container.name],
  );
  const names = wantedNames(decision);
  const vacated = [...former, ...names].flatMap((name) => needs.vacated.get(name) ?? []);
  if (!acts) return vacated;
  const image = situation.observed.images.get(service.image);
  // Its successor may want the port, the name or the data that an orphan still holds.
  const exclusive = makes && exclusiveness(service, image, situation.options.pace).length > 0;
  const ids = (keys: readonly string[], made: ReadonlyMap<string, number>): readonly number[] =>
    keys.flatMap((key) => made.get(key) ?? []);
  return [
    ...ids(neededNetworks(service), needs.networks),
    ...ids(neededVolumes(service), needs.volumes),
    ...(exclusive || names.some((name) => needs.orphanNames.has(name)) ? needs.orphans : []),
    ...vacated,
    ...[...dependenciesOf(service.model)].flatMap(([name, dependency]) => {
      const other = all.get(name);
      return other === undefined
        ? (needs.asked.get(name) ?? [])
        : awaitDependency(graph, situation, other, dependency, service.name, needs);
    }),
  ];
}

/** The operations after which the dependency is as `dependent` wants it. */
export function awaitDependency(
  graph: Graph,
  situation: Situation,
  other: ServiceDecision,
  { condition, required = true }: DependencyModel,
  dependent: string,
  needs: Prerequisites,
): readonly number[] {
  const { name } = other.service;
  const done = needs.done.get(name) ?? [];
  const nobody = lasting(other).length + only(other, "create").length === 0;
  if (condition === "service_started" || nobody || !situation.selection.service(name)) return done;
  if (done.length === 0 && isMet(situation, other, condition)) return [];
  const same = graph.operations.find(
    (one): one is Operation & { kind: "wait-service" } =>
      one.kind === "wait-service" &&
      one.service === name &&
      one.condition === condition &&
      one.required === required,
  );
  if (same !== undefined) return [same.id];
  const state = condition === "service_healthy" ? "healthy" : "completed";
  const why = `"${dependent}" wants it ${state}`;
  const common = { address: `service.${name}`, service: name, why };
  const after = afterOr(done, needs.gate);
  return [graph.add({ ...common, kind: "wait-service", condition, required }, after)];
}

export function isMet(
  situation: Situation,
  other: ServiceDecision,
  condition: DependencyModel["condition"],
): boolean {
  return lasting(other).every(({ container }) =>
    condition === "service_healthy"
      ? container.state === "running" && container.health === "healthy"
      : isFinishedJob(situation, other.service, container),
  );
}
