/** The replicas of a service that change, one batch of them after the other. */
import { showDuration } from "../model/duration.ts";
import type { Operation, OperationOf } from "../model/plan.ts";
import { type Pace, type Paced, updatePolicy, type UpdatePolicy } from "../model/updates.ts";
import { type DecisionOf, only, type ServiceDecision } from "./decision.ts";
import { replacementDowntime } from "./downtime.ts";
import type { Graph } from "./graph.ts";
import { containerAddress, isUp } from "./inventory.ts";
import { reasonsText } from "./reasons.ts";
import type { Situation } from "./situation.ts";

/** What programs take for "read your files again". */
const DEFAULT_SIGNAL = "SIGHUP";

/** Those that are replaced or refreshed, not only reported. */
export function changing(decision: ServiceDecision): readonly DecisionOf<"replace">[] {
  return only(decision, "replace").filter(({ choice }) => choice.method !== "none");
}

/** As many at a time as the files say, with their delay in between; else one after the other. */
export function addChanges(
  graph: Graph,
  situation: Situation,
  decision: ServiceDecision,
  after: readonly number[],
): readonly number[] {
  const { pace } = situation.options;
  const { delayMs, monitorMs } = updatePolicy(decision.service.model, pace);
  const list = changing(decision);
  const size = batchSize(decision, pace);
  const ids: number[] = [];
  let before = after;
  for (let start = 0; start < list.length; start += size) {
    const paced = {
      ...(start === 0 || delayMs === 0 ? {} : { delayMs }),
      ...(monitorMs === 0 ? {} : { monitorMs }),
    };
    const batch = list
      .slice(start, start + size)
      .map((one) => addChange(graph, situation, decision, one, paced, before));
    ids.push(...batch);
    before = batch;
  }
  return ids;
}

/** How many replicas change at once. */
export function batchSize({ service, decisions }: ServiceDecision, pace: Pace): number {
  const { parallelism } = updatePolicy(service.model, pace);
  return parallelism > 0 ? parallelism : Math.max(1, decisions.length);
}

/** In one line for people; nothing where the files say nothing, or one replica alone changes. */
export function rollout(decision: ServiceDecision, pace: Pace): { readonly rollout?: string } {
  const count = changing(decision).length;
  const policy = updatePolicy(decision.service.model, pace);
  const { parallelism, delayMs, monitorMs, failureAction, maxFailureRatio } = policy;
  const usual = parallelism === 1 && failureAction === "pause" && maxFailureRatio === 0;
  if (count < 2 || (usual && delayMs + monitorMs === 0)) return {};
  const several = parallelism === 0 || parallelism >= count ? "all" : String(parallelism);
  const all = several === "all" ? "all replicas at once" : `${several} replicas at a time`;
  const pauses = delayMs > 0 && several !== "all" ? `, ${showDuration(delayMs)} between them` : "";
  const watched = monitorMs > 0 ? `, each watched for ${showDuration(monitorMs)}` : "";
  const ratio = failureAction === "continue" ? 0 : maxFailureRatio;
  const many = ratio > 0 ? `more than ${Number((ratio * 100).toFixed(1))}% fail` : "one fails";
  const how = parallelism === 1 ? "one replica after the other" : all;
  return { rollout: `${how}${pauses}${watched}; if ${many}, ${THEN[failureAction]}` };
}

const THEN: Readonly<Record<UpdatePolicy["failureAction"], string>> = {
  continue: "the others go on",
  pause: "no other is begun",
  rollback: "those before it go back",
};

function addChange(
  graph: Graph,
  situation: Situation,
  { service }: ServiceDecision,
  one: DecisionOf<"replace">,
  paced: Paced,
  after: readonly number[],
): number {
  const { instance, reasons, choice } = one;
  const { number, container } = instance;
  const common = {
    ...{ service: service.name, number, ...paced },
    address: containerAddress(service.name, number),
    why: reasonsText(reasons),
  };
  if (choice.method !== "refresh") {
    const swap = replacement(situation, service, one);
    return graph.add({ ...common, ...swap }, after);
  }
  const { strategy, signal = DEFAULT_SIGNAL } = service.policy;
  const told = strategy === "signal" ? signal : undefined;
  const refresh = { kind: "refresh-container", containerId: container.id, signal: told } as const;
  return graph.add({ ...common, ...refresh }, after);
}

function replacement(
  situation: Situation,
  service: ServiceDecision["service"],
  { instance: { container }, name, choice }: DecisionOf<"replace">,
): Pick<
  OperationOf<"replace-container"> & Operation,
  "kind" | "name" | "method" | "oldId" | "oldName" | "expectedDowntimeMs"
> {
  const method = choice.method === "blue-green" ? "blue-green" : "stop-first";
  const serves = method === "stop-first" && isUp(container);
  const downtime = serves ? replacementDowntime(situation, service, container, false) : undefined;
  const expectedDowntimeMs = downtime?.expectedMs ?? 0;
  return {
    ...{ kind: "replace-container", name, method, expectedDowntimeMs },
    ...{ oldId: container.id, oldName: container.name },
  };
}
