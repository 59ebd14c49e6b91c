import type { HealthPolicy } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import type { ContainerDetail } from "../model/observed.ts";
import type { OperationOf } from "../model/plan.ts";
import { serviceOf } from "./container/container.ts";
import type { Handler, Work } from "./context.ts";
import { takeAway } from "./rollout/createContainer.ts";
import { failureOf, tellLastWords } from "./failure.ts";
import { ownBudgetMs, waitServing } from "./rollout/health.ts";

type Wait = OperationOf<"wait-service">;

const STATES = {
  service_started: "started",
  service_healthy: "healthy",
  service_completed_successfully: "completed",
} as const satisfies Record<Wait["condition"], string>;

/** Until every container of the service meets the condition. One that this run made and that fails is taken away. */
export const waitService: Handler<"wait-service"> = async (operation, work, signal) => {
  const ids = work.roster.containersOf(operation.service).map(({ id }) => id);
  try {
    await Promise.all(ids.map((id) => waitContainer(operation, work, id, signal)));
  } catch (thrown) {
    work.force.throwIfAborted();
    const error = failureOf(thrown, work.scrubber, signal);
    if (operation.required || error.code === "aborted") throw error;
    const message = `service ${operation.service} is not ready, but nothing requires it: ${error.message}`;
    work.report({ type: "warning", code: "dependency-optional", message });
  }
  return {};
};

async function waitContainer(
  operation: Wait,
  work: Work,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const stop = AbortSignal.any([signal, work.force]);
  const message = `waiting until ${operation.service} is ${STATES[operation.condition]}`;
  work.report({ type: "operation-progress", operation, message, elapsedMs: 0 });
  try {
    await meets(operation, work, id, stop);
  } catch (thrown) {
    work.force.throwIfAborted();
    const failure = failureOf(thrown, work.scrubber, signal);
    if (failure.code === "aborted") throw failure;
    const fresh = operation.required ? work.roster.fresh.get(id) : undefined;
    const error =
      fresh === undefined
        ? await tellLastWords(work, operation, id, failure)
        : await takeAway(operation, work, fresh, failure);
    throw new DsoError(
      "dependency-failed",
      `service ${operation.service}, which others wait for, failed: ${error.message}`,
      { ...(error.hint === undefined ? {} : { hint: error.hint }), cause: error },
    );
  }
}

async function meets(
  { service, condition }: Wait,
  work: Work,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  if (condition === "service_started") return;
  if (condition === "service_completed_successfully") {
    const code = await work.engine.waitContainer(id, signal);
    if (code === 0) return;
    throw new DsoError("container-exited", `its container ended with ${code}`);
  }
  const container = await work.engine.inspectContainer(id, signal);
  const policy = serviceOf(work, service).policy.health;
  const tools = { ...work, scrub: work.scrubber.scrub };
  await waitServing(tools, id, patient(service, policy, container), FRESH, signal);
}

const FRESH = { oneShot: false, fresh: false } as const;

/** A healthcheck of its own says how long it may take. */
function patient(
  service: string,
  policy: HealthPolicy,
  container: ContainerDetail | undefined,
): HealthPolicy {
  if (container?.health !== undefined) {
    const budget = ownBudgetMs(container.config.Healthcheck) ?? 0;
    return { ...policy, timeoutMs: Math.max(policy.timeoutMs, budget) };
  }
  if (container?.state !== "running" || policy.probe !== undefined) return policy;
  throw new DsoError("dependency-failed", `${service} has no healthcheck that could tell`, {
    hint: "Give it a `healthcheck:`, or depend on it with `condition: service_started`.",
  });
}
