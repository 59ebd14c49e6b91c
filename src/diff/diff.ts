import type { Desired } from "../model/desired.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Observed, ObservedContainer } from "../model/observed.ts";
import type { Change, Plan, PlanOptions } from "../model/plan.ts";
import { refuseOtherCheckout } from "./checkout.ts";
import { departure, serviceChanges } from "./changes.ts";
import { only, type ServiceDecision } from "./decision.ts";
import { type Departure, departureOf } from "./departures.ts";
import { destroyPlan, runDeparture } from "./destroy.ts";
import { driftChanges } from "./drift.ts";
import { containerAddress, serviceOf } from "./inventory.ts";
import { decideNetworks } from "./networks.ts";
import { imageChange, networkChange, volumeChange } from "./objectChanges.ts";
import { buildOperations, type Decided } from "./operations.ts";
import { byText } from "./order.ts";
import { askChange, decideAsks } from "./programs.ts";
import { decideServices } from "./services.ts";
import { graded } from "./sealing.ts";
import { type Situation, survey } from "./situation.ts";
import { decideVolumes } from "./volumes.ts";
import {
  emptyDesired,
  leftByHand,
  neverApplied,
  serviceWarnings,
  unrenewedLeases,
} from "./warnings.ts";

/**
 * What has to be done so that the engine shows what is desired. The same input
 * gives the same bytes. Rejects with `usage` for an address that nothing has and
 * with `compose-invalid` for a missing external network or volume, and with
 * `policy-refused` for variables that are to be sealed and cannot be.
 */
export function diff(desired: Desired, observed: Observed, options: PlanOptions): Plan {
  const situation = survey(graded(desired, observed), observed, options);
  refuseOtherCheckout(situation);
  return options.mode === "destroy" ? destroyPlan(situation) : convergePlan(situation);
}

function convergePlan(situation: Situation): Plan {
  const { desired, observed, options } = situation;
  const services = decideServices(situation);
  const orphans = leavingOrphans(situation);
  const networks = decideNetworks(situation, stayingContainers(situation, services, orphans));
  const volumes = decideVolumes(situation);
  const asks = options.mode === "apply" ? decideAsks(situation, services) : [];
  const objects = { networks: networks.decisions, volumes: volumes.create };
  const decided = { services, orphans, asks, ...objects };
  const common = { project: desired.project.name, engineId: observed.engine.id, options };
  const drift = driftChanges(situation, services);
  if (options.mode === "refresh-only") {
    const warnings = [...neverApplied(situation), ...services.flatMap(leftByHand)];
    return { ...common, changes: [], unchanged: [], drift, operations: [], warnings };
  }
  return {
    ...common,
    changes: allChanges(situation, decided),
    unchanged: unchangedAddresses(situation, decided, volumes.keep),
    drift,
    operations: buildOperations(situation, decided),
    warnings: [
      ...emptyDesired(situation),
      ...unrenewedLeases(situation),
      ...networks.warnings,
      ...volumes.warnings,
      ...services.flatMap((decision) => serviceWarnings(situation, decision)),
    ],
  };
}

function leavingOrphans({ inventory, options, selection }: Situation): readonly Departure[] {
  if (options.removeOrphans === "none") return [];
  const orphans = inventory.orphans
    .filter(({ service, number }) => selection.container(service, number))
    .map((instance) =>
      departureOf(instance, [
        { code: "orphan", detail: `no service "${instance.service}" in the files` },
      ]),
    );
  const misnumbered = inventory.misnumbered
    .filter((container) => selection.service(serviceOf(container) ?? ""))
    .map((container) => {
      const number = JSON.stringify(container.labels[COMPOSE.number]);
      const reasons = [{ code: "orphan", detail: `no replica has the number ${number}` }];
      return { ...runDeparture(container), reasons };
    });
  if (selection.partial) return [...orphans, ...misnumbered];
  const reasons = [{ code: "orphan", detail: "a run that has ended" }];
  const runs = inventory.finishedRuns.map((run) => ({ ...runDeparture(run), reasons }));
  return [...orphans, ...misnumbered, ...runs];
}

/** Those that are attached where they are attached when all is done. */
function stayingContainers(
  { inventory }: Situation,
  services: readonly ServiceDecision[],
  orphans: readonly Departure[],
): readonly ObservedContainer[] {
  const leaving = new Set(orphans.map(({ container }) => container.id));
  const strangers = [
    ...inventory.orphans.map(({ container }) => container),
    ...inventory.misnumbered,
    ...inventory.finishedRuns,
  ];
  return [
    ...inventory.bystanders,
    ...strangers.filter(({ id }) => !leaving.has(id)),
    ...services.flatMap((decision) =>
      [...only(decision, "keep"), ...only(decision, "update")].map(
        ({ instance }) => instance.container,
      ),
    ),
  ];
}

/** What is made first, then the services in their order, then what goes. */
function allChanges(situation: Situation, decided: Decided): readonly Change[] {
  const networks = decided.networks.flatMap((decision) => networkChange(situation, decision));
  return [
    ...networks.filter(({ action }) => action !== "delete"),
    ...decided.volumes.map((key) => volumeChange(situation, key)),
    ...decided.asks.map((ask) => askChange(situation, ask)),
    ...decided.services.flatMap((decision) => [
      ...imageChange(situation, decision),
      ...serviceChanges(situation, decision),
    ]),
    ...decided.orphans.map(departure),
    ...networks.filter(({ action }) => action === "delete"),
  ];
}

function unchangedAddresses(
  { selection }: Situation,
  decided: Decided,
  volumes: readonly string[],
): readonly string[] {
  return [
    ...decided.services
      .flatMap((decision) => only(decision, "keep"))
      .map(({ instance }) => instance)
      .filter(({ service, number }) => selection.container(service, number))
      .map(({ service, number }) => containerAddress(service, number)),
    ...decided.networks.flatMap(({ action, key }) => (action === "keep" ? [`network.${key}`] : [])),
    ...volumes.map((key) => `volume.${key}`),
  ].sort(byText);
}
