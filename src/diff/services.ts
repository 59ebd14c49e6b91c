/** Decides, service by service with dependencies first, what becomes of each container. */
import { serviceHash } from "../compose/output/hash.ts";
import type { DesiredService } from "../model/desired.ts";
import { DSO } from "../model/labels.ts";
import { isOfGeneration } from "../model/observed.ts";
import type { Reason } from "../model/plan.ts";
import {
  type Decision,
  type DecisionOf,
  type Expectation,
  lasting,
  only,
  replaced,
  type ServiceDecision,
} from "./decision.ts";
import { withoutDoubles } from "./doubles.ts";
import { type Instance, liveness } from "./inventory.ts";
import { judge, type Verdict } from "./judge.ts";
import { chooseMethod } from "./method.ts";
import { isDeclaredJob } from "../model/jobs.ts";
import { resolveShared } from "./namespaces.ts";
import { dependenciesOf, sharedWith } from "../model/dependencies.ts";
import { byText } from "./order.ts";
import { containerName, networkKeys, replicasOf, type Situation } from "./situation.ts";

/** In dependency order; services outside the selection keep what they have. */
export function decideServices(situation: Situation): readonly ServiceDecision[] {
  const decided = new Map<string, ServiceDecision>();
  for (const name of situation.order) {
    const service = situation.desired.services.get(name);
    if (service !== undefined) decided.set(name, decide(situation, service, decided));
  }
  return [...decided.values()];
}

type Decided = ReadonlyMap<string, ServiceDecision>;

function decide(situation: Situation, service: DesiredService, decided: Decided): ServiceDecision {
  const { selection } = situation;
  const instances = situation.inventory.instances.get(service.name) ?? [];
  const expected = expect(service, decided);
  // What shares with a replaced container is dead without it, selected or not.
  const follows = expected.cascade.length > 0;
  const chosen = (number: number): boolean => follows || selection.container(service.name, number);
  if (!follows && !selection.service(service.name)) {
    const left = selection.excludes(service.name);
    const restart = left ? [] : expected.restart;
    return { service, decisions: instances.map((instance) => keepOrRestart(instance, restart)) };
  }
  const { kept, doubles } = withoutDoubles(situation, service, instances, expected);
  const verdicts = kept.map((instance) => judge(situation, service, instance, expected));
  const wanted = replicasOf(situation, service);
  const { stay, surplus } = scale(verdicts, wanted);
  const decisions = [
    ...doubles.map((instance) => removal(instance, "drift_modified", "a second one of its number")),
    ...stay.map((verdict) => decideOne(situation, service, verdict)),
    ...creations(situation, service, instances, wanted - stay.length),
    ...surplus.map(({ instance }) => removal(instance, "scaled_down", `${wanted} wanted`)),
  ];
  const numberOf = (decision: Decision): number =>
    decision.action === "create" ? decision.number : decision.instance.number;
  const acted = decisions.flatMap((decision): readonly Decision[] => {
    if (chosen(numberOf(decision))) return [decision];
    return decision.action === "create" ? [] : [keep(decision.instance)];
  });
  return { service, decisions: acted };
}

function keep(instance: Instance): Decision {
  return { action: "keep", instance, drift: [] };
}

/** All that a dependency does to a service that is none of this plan's business otherwise. */
function keepOrRestart(instance: Instance, why: readonly Reason[]): Decision {
  const [reason] = why;
  if (reason === undefined || instance.container.state !== "running") return keep(instance);
  return {
    action: "update",
    instance,
    repairs: [{ reason, step: { kind: "restart" } }],
    drift: [],
  };
}

function removal(instance: Instance, code: string, detail: string): Decision {
  return { action: "remove", instance, reasons: [{ code, detail }] };
}

function expect(service: DesiredService, decided: Decided): Expectation {
  const idOf = (name: string): string | undefined =>
    [...(decided.get(name) === undefined ? [] : lasting(decided.get(name) as ServiceDecision))]
      .map(({ container }) => container)
      .sort((a, b) => byText(a.name, b.name))[0]?.id;
  const model = resolveShared(service.model, idOf);
  const shared = sharedWith(service.model);
  return {
    hashes: new Set([serviceHash(model, "v2"), serviceHash(model, "v5")]),
    cascade: shared.flatMap((name) => becomesAnother(decided.get(name), name)),
    restart: [...dependenciesOf(service.model)].flatMap(([name, dependency]) => {
      const other = decided.get(name);
      if (other === undefined || dependency.restart !== true) return [];
      const starts = only(other, "update").some(({ repairs }) =>
        repairs.some(({ step }) => step?.kind === "start" || step?.kind === "restart"),
      );
      const restarted = replaced(other).length > 0 || (shared.includes(name) && starts);
      return restarted ? [{ code: "dependency_restarted", detail: name }] : [];
    }),
  };
}

/** The container with whom others share: its successor has another id. */
function becomesAnother(other: ServiceDecision | undefined, name: string): readonly Reason[] {
  if (other === undefined) return [];
  const changes = replaced(other).length > 0 || only(other, "create").length > 0;
  return changes ? [{ code: "dependency_replaced", detail: name }] : [];
}

/** Compose keeps what is up to date, low numbers first; we keep what runs before all. */
function scale(
  verdicts: readonly Verdict[],
  wanted: number,
): { readonly stay: readonly Verdict[]; readonly surplus: readonly Verdict[] } {
  const worth = ({ instance, replace }: Verdict): number =>
    2 * liveness(instance.container) + (replace.length === 0 ? 1 : 0);
  const byNumber = (a: Verdict, b: Verdict): number => a.instance.number - b.instance.number;
  const ranked = [...verdicts].sort((a, b) => worth(b) - worth(a) || byNumber(a, b));
  return {
    stay: ranked.slice(0, wanted).sort(byNumber),
    surplus: ranked.slice(wanted).sort((a, b) => byNumber(b, a)),
  };
}

function decideOne(situation: Situation, service: DesiredService, verdict: Verdict): Decision {
  const { instance, replace, repairs, before, delivered, comparison } = verdict;
  if (replace.length > 0) {
    const image = situation.observed.images.get(service.image);
    return {
      action: "replace",
      instance,
      name: containerName(situation, service, instance.number),
      reasons: replace,
      choice: chooseMethod(service, {
        image,
        reasons: replace,
        joined: joinedTo(situation, service),
        anonymous: anonymousOf(situation, service, instance),
        uprooted: isUprooted(situation, service, instance),
        job: isDeclaredJob(situation.desired, service),
        serving: instance.container.state === "running",
        pace: situation.options.pace,
        refreshable: repairs.length === 0 && hasDirectory(situation, instance),
      }),
      before,
      delivered,
      comparison,
      drift: repairs,
    };
  }
  const made = repairs.filter(({ step }) => step !== undefined);
  const stopped = made.some(({ step }) => step?.kind === "start");
  if (made.length === 0 || (stopped && !situation.options.start)) {
    return { action: "keep", instance, drift: repairs };
  }
  return { action: "update", instance, repairs: made, drift: repairs };
}

/** Whether it is on a network that is not there, or not as it should be. */
function isUprooted(
  { desired, networks }: Situation,
  service: DesiredService,
  { container }: Instance,
): boolean {
  return networkKeys(service).some((key) => {
    const name = desired.project.networks.get(key)?.name;
    const attached = container.networks.some(({ network }) => network === name);
    return attached && networks.get(key)?.kind !== "present";
  });
}

/** Volumes that no file names, at the places where the successor would get the very same. */
function anonymousOf(
  { options }: Situation,
  { model }: DesiredService,
  { container }: Instance,
): readonly string[] {
  if (options.renewAnonymousVolumes) return [];
  const named = new Set((model.volumes ?? []).map(({ target }) => target));
  return container.mounts
    .filter(({ type, writable, target }) => type === "volume" && writable && !named.has(target))
    .map(({ target }) => target)
    .sort(byText);
}

/** Whether it reads the files of a generation that is in memory. */
function hasDirectory({ observed }: Situation, { container }: Instance): boolean {
  const generation = container.labels[DSO.generation];
  return (
    generation !== undefined &&
    !observed.lostGenerations.has(generation) &&
    container.mounts.some((mount) => isOfGeneration(mount, generation))
  );
}

/** Whose containers have to follow when this service's become others. */
function joinedTo({ desired }: Situation, { name }: DesiredService): readonly string[] {
  return [...desired.services.values()]
    .filter(({ model }) => sharedWith(model).includes(name))
    .map(({ name: other, model: { network_mode, ipc, pid } }) => {
      const lives = [network_mode, ipc, pid].includes(`service:${name}`);
      return `service "${other}", which ${lives ? "lives in its container" : "has its volumes"}`;
    })
    .sort(byText);
}

/** As Compose numbers them: on from the highest that is there. */
function creations(
  situation: Situation,
  service: DesiredService,
  instances: readonly Instance[],
  count: number,
): readonly DecisionOf<"create">[] {
  if (count <= 0) return [];
  const highest = Math.max(0, ...instances.map(({ number }) => number));
  // Where no apply is remembered, those that are there may tell how many they were.
  const remembered =
    situation.observed.lastApply?.containers.get(service.name) ??
    Math.max(0, ...instances.map(({ container }) => situation.specOf(container)?.replicas ?? 0));
  return Array.from({ length: count }, (_, index): DecisionOf<"create"> => {
    const number = highest + index + 1;
    const code =
      instances.length + index < remembered
        ? "drift_missing"
        : instances.length === 0
          ? "created"
          : "scaled_up";
    const detail =
      code === "created" ? undefined : `${instances.length} of ${instances.length + count} there`;
    return {
      action: "create",
      number,
      name: containerName(situation, service, number),
      reasons: [{ code, detail }],
    };
  });
}
