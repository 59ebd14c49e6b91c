import type { Answers } from "../apply/answers.ts";
import { execute } from "../apply/execute.ts";
import type { Outcome } from "../apply/context.ts";
import type { Desired } from "../model/desired.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Observed, ObservedContainer } from "../model/observed.ts";
import { DEFAULT_PLAN_OPTIONS, type Operation, type PlanOptions } from "../model/plan.ts";
import { applyContext } from "../reconciler/applyContext.ts";
import type { Context } from "../reconciler/context.ts";
import type { ProjectRequest } from "../reconciler/request.ts";
import type { View } from "./render/view.ts";
import type { Session } from "./session.ts";

export interface Errand {
  readonly request: ProjectRequest;
  readonly desired: Desired;
  readonly observed: Observed;
  readonly operations: readonly Operation[];
  readonly options?: Partial<PlanOptions>;
  /** Where what programs give is to be at hand afterwards. */
  readonly answers?: Answers;
}

/** Has the executor do what is no apply, and stands in no history: to stop, to wait, to help a `run`. */
export async function carryOut(
  context: Context,
  session: Session,
  view: View,
  { request, desired, observed, operations, options, answers }: Errand,
  signal: AbortSignal,
): Promise<Outcome> {
  const plan = {
    project: desired.project.name,
    engineId: observed.engine.id,
    options: { ...DEFAULT_PLAN_OPTIONS, ...options },
    changes: [],
    unchanged: [],
    drift: [],
    operations,
    warnings: [],
  };
  const settings = { parallelism: Math.max(1, operations.length), force: session.force };
  const run = { request, variables: undefined, desired, observed, plan };
  const work = await applyContext(context, run, settings, signal, answers);
  return execute(plan, work, view.report, signal);
}

/** Whoever depends on a service is stopped before it. */
export function stopOperations(
  { services }: Pick<Desired, "services">,
  containers: readonly ObservedContainer[],
): readonly Operation[] {
  return containers.map((container, index) => {
    const service = serviceOf(container);
    const before = containers.flatMap((other, at) =>
      services.get(serviceOf(other))?.model.depends_on?.[service] === undefined ? [] : [at + 1],
    );
    return {
      id: index + 1,
      after: before,
      address: `container.${service}[${container.labels[COMPOSE.number] ?? "1"}]`,
      why: "up was interrupted",
      kind: "stop-container",
      containerId: container.id,
    };
  });
}

/** One wait for each service with a check; of the others, that they run is all there is to know. */
export function waitOperations(
  { services }: Pick<Desired, "services">,
  containers: readonly ObservedContainer[],
): readonly Operation[] {
  const checked = containers.filter(
    (one) =>
      one.health !== undefined || services.get(serviceOf(one))?.policy.health.probe !== undefined,
  );
  return [...new Set(checked.map(serviceOf))].sort().map((service, index) => ({
    id: index + 1,
    after: [],
    address: `service.${service}`,
    why: "up was told to wait",
    kind: "wait-service",
    service,
    condition: "service_healthy",
    required: true,
  }));
}

export function serviceOf({ labels }: ObservedContainer): string {
  return labels[COMPOSE.service] ?? "";
}
