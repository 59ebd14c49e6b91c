/** What the decisions mean for people: one change per object. */
import type { AttributeChange, Change, Downtime } from "../model/plan.ts";
import type { Json } from "../model/project.ts";
import { COMPOSE } from "../model/labels.ts";
import { compareService, formerValues, wantedValues } from "./attributes.ts";
import {
  type Decision,
  type DecisionOf,
  lasting,
  type ServiceDecision,
  type Step,
} from "./decision.ts";
import { deliveryChanges } from "./delivered.ts";
import type { Departure } from "./departures.ts";
import { estimateDowntime, replacementDowntime } from "./downtime.ts";
import { containerAddress, type Instance, isUp } from "./inventory.ts";
import { batchSize, changing, rollout } from "./replicas.ts";
import type { Situation } from "./situation.ts";

const BARE = {
  index: undefined,
  method: undefined,
  downtime: undefined,
  deliveries: [],
  attributes: [],
  unchangedAttributes: 0,
  before: null,
  after: null,
} as const;

/** In the order of the containers' numbers; those that stay as they are give none. */
export function serviceChanges(situation: Situation, decision: ServiceDecision): readonly Change[] {
  const numberOf = (one: Decision): number =>
    one.action === "create" ? one.number : one.instance.number;
  return [...decision.decisions]
    .sort((a, b) => numberOf(a) - numberOf(b))
    .flatMap((one): readonly Change[] => {
      switch (one.action) {
        case "keep":
          return [];
        case "create":
          return [creation(situation, decision, one)];
        case "replace":
          return [replacement(situation, decision, one)];
        case "update":
          return [update(situation, decision, one)];
        case "remove":
          return [
            departure({
              ...one.instance,
              address: containerAddress(one.instance.service, one.instance.number),
              reasons: one.reasons,
            }),
          ];
      }
    });
}

function creation(
  situation: Situation,
  { service }: ServiceDecision,
  { number, name, reasons }: DecisionOf<"create">,
): Change {
  const { attributes } = compareService(situation, service, undefined, undefined);
  return {
    ...BARE,
    address: containerAddress(service.name, number),
    kind: "container",
    name: service.name,
    index: number,
    engineName: name,
    action: "create",
    reasons,
    deliveries: deliveryChanges(situation.desired, service, undefined),
    attributes: attributes.map((one) => ({ ...one, forcesReplacement: false })),
    after: { name, service: service.name, state: "running", ...wantedValues(situation, service) },
  };
}

function replacement(
  situation: Situation,
  decision: ServiceDecision,
  one: DecisionOf<"replace">,
): Change {
  const { service } = decision;
  const { instance, name, reasons, choice, before, delivered, comparison } = one;
  return {
    ...BARE,
    address: containerAddress(service.name, instance.number),
    kind: "container",
    name: service.name,
    index: instance.number,
    engineName: instance.container.name,
    action: choice.method === "refresh" ? "update" : "replace",
    reasons,
    method: choice.method,
    downtime: downtimeOf(situation, decision, one),
    ...(changing(decision)[0] === one ? rollout(decision, situation.options.pace) : {}),
    deliveries: deliveryChanges(situation.desired, service, delivered),
    attributes: [
      // Of a container about which nothing is known all would look new.
      ...comparison.attributes.filter(({ shown }) => before !== undefined || shown === "secret"),
      ...imageId(situation, one, service.image),
    ],
    unchangedAttributes: comparison.unchanged,
    before: { ...containerValues(one), ...formerValues(situation, service, before, delivered) },
    after: {
      // What runs on keeps its id.
      ...(choice.method === "refresh" ? containerValues(one) : {}),
      ...{ name, service: service.name, state: "running", ...wantedValues(situation, service) },
    },
  };
}

/** None where it does not serve now, or where enough other replicas go on serving. */
function downtimeOf(
  situation: Situation,
  decision: ServiceDecision,
  { instance, choice }: DecisionOf<"replace">,
): Downtime | undefined {
  if (choice.method !== "stop-first" || !isUp(instance.container)) return undefined;
  const serving = lasting(decision).filter(({ container }) => container.state === "running").length;
  const served = serving > batchSize(decision, situation.options.pace);
  const estimate = replacementDowntime(situation, decision.service, instance.container, served);
  return estimate === undefined ? undefined : { ...estimate, forcedBy: choice.forcedBy };
}

/** The image may be another one under the same name; another name says enough. */
function imageId(
  { observed }: Situation,
  { instance: { container } }: DecisionOf<"replace">,
  image: string,
): readonly AttributeChange[] {
  const id = observed.images.get(image)?.id;
  if (id === container.imageId || id === container.labels[COMPOSE.image]) return [];
  if (container.image !== image) return [];
  const after = id === undefined ? "(known after pull)" : shortId(id);
  const common = { path: "image_id", shown: "open", forcesReplacement: true } as const;
  return [{ ...common, before: shortId(container.imageId), after }];
}

function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}

export function containerValues({
  instance: { container },
}: {
  readonly instance: { readonly container: Departure["container"] };
}): Readonly<Record<string, Json>> {
  const { id, name, image, state, labels } = container;
  return { id, name, service: labels[COMPOSE.service] ?? null, image, state };
}

/** What is stopped and started with another does not serve in between, like that which is replaced. */
function restartDowntime(
  { observed, options }: Situation,
  { service }: ServiceDecision,
  { instance, repairs }: DecisionOf<"update">,
): Downtime | undefined {
  const restarts = repairs.some(({ step }) => step?.kind === "restart");
  if (!restarts || !isUp(instance.container)) return undefined;
  const image = observed.images.get(service.image);
  const measured = observed.downtimes?.get(service.name);
  return { ...estimateDowntime(service, image, options, measured), forcedBy: [] };
}

function stepAttribute(step: Step, container: Instance["container"]): AttributeChange {
  const common = { shown: "open", forcesReplacement: false } as const;
  switch (step.kind) {
    case "rename":
      return { ...common, path: "name", before: container.name, after: step.name };
    case "connect":
      return {
        ...common,
        path: `networks.${step.network}`,
        before: undefined,
        after: "attached",
      };
    case "unpause":
    case "start":
      return { ...common, path: "state", before: container.state, after: "running" };
    case "restart":
      return { ...common, path: "state", before: "running", after: "restarted" };
  }
}

function update(
  situation: Situation,
  decision: ServiceDecision,
  one: DecisionOf<"update">,
): Change {
  const { instance, repairs } = one;
  const { container } = instance;
  const steps = repairs.flatMap(({ step }) => step ?? []);
  const attributes = steps.map((step) => stepAttribute(step, container));
  const before = containerValues(one);
  const renamed = steps.find((step) => step.kind === "rename");
  return {
    ...BARE,
    address: containerAddress(instance.service, instance.number),
    kind: "container",
    name: instance.service,
    index: instance.number,
    engineName: container.name,
    action: "update",
    reasons: repairs.map(({ reason }) => reason),
    downtime: restartDowntime(situation, decision, one),
    attributes,
    before,
    after: { ...before, state: "running", name: renamed?.name ?? container.name },
  };
}

export function departure({ address, service, number, container, reasons }: Departure): Change {
  return {
    ...BARE,
    address,
    kind: "container",
    name: service,
    index: number,
    engineName: container.name,
    action: "delete",
    reasons,
    before: containerValues({ instance: { container } }),
  };
}

export function objectChange(
  kind: Exclude<Change["kind"], "container">,
  key: string,
  engineName: string,
  change: Pick<Change, "action" | "reasons"> & Partial<Change>,
): Change {
  return { ...BARE, address: `${kind}.${key}`, kind, name: key, engineName, ...change };
}
