import { applyContext } from "../reconciler/applyContext.ts";
import { observe } from "../reconciler/observe.ts";
import { execute } from "../apply/execute.ts";
import type { Desired } from "../model/desired.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Observed, ObservedContainer } from "../model/observed.ts";
import { DEFAULT_PLAN_OPTIONS, type Operation, type Plan } from "../model/plan.ts";
import type { Context } from "../reconciler/context.ts";
import type { ProjectRequest } from "../reconciler/request.ts";
import { streamLogs } from "./logStream.ts";
import type { View } from "./render/view.ts";
import { projectScrubber } from "./scrubbing.ts";
import { note, type Session } from "./session.ts";

export interface Attachment {
  readonly request: ProjectRequest;
  readonly desired: Desired;
  /** Only these services; empty: all. */
  readonly services: readonly string[];
  /** Seconds, over the containers' own. */
  readonly stopTimeout: number | undefined;
}

/** `up` without `-d`: shows what the containers print until Ctrl-C, and stops them then. */
export async function follow(
  context: Context,
  session: Session,
  view: View,
  attachment: Attachment,
): Promise<void> {
  const { desired, services } = attachment;
  const observed = await observe(context, desired, session.signal);
  const attached = observed.containers.filter(
    ({ state, labels }) =>
      state === "running" &&
      labels[COMPOSE.oneoff] !== "True" &&
      (services.length === 0 || services.includes(labels[COMPOSE.service] ?? "")),
  );
  const scrubber = await projectScrubber(context, desired, attached, session.signal);
  const options = {
    follow: true,
    tail: undefined,
    since: undefined,
    timestamps: false,
    prefix: true,
  };
  try {
    const all = { ...options, project: desired.project.name };
    await streamLogs(context.engine, attached, all, scrubber, session.output, session.signal);
  } catch (error) {
    if (!session.signal.aborted) throw error;
  } finally {
    scrubber.drop();
  }
  if (!session.signal.aborted) return;
  note(session, "Stopping the containers; dso up -d leaves them running.");
  await stop(context, session, view, attachment, observed, attached);
}

/** The second Ctrl-C ends the wait; the engine goes on stopping. */
async function stop(
  context: Context,
  session: Session,
  view: View,
  { request, desired, stopTimeout }: Attachment,
  observed: Observed,
  containers: readonly ObservedContainer[],
): Promise<void> {
  const plan: Plan = {
    project: desired.project.name,
    engineId: observed.engine.id,
    options: { ...DEFAULT_PLAN_OPTIONS, stopTimeout },
    changes: [],
    unchanged: [],
    drift: [],
    operations: stopOperations(desired, containers),
    warnings: [],
  };
  const settings = { parallelism: containers.length, force: session.force };
  const run = { request, desired, observed, plan };
  const work = await applyContext(context, run, settings, session.force);
  const { failed } = await execute(plan, work, view.report, session.force);
  for (const { error } of failed) await view.failed(error);
  if (failed.length > 0) session.exitCode = 1;
}

/** Whoever depends on a service is stopped before it. */
export function stopOperations(
  { services }: Pick<Desired, "services">,
  containers: readonly ObservedContainer[],
): readonly Operation[] {
  const serviceOf = ({ labels }: ObservedContainer): string => labels[COMPOSE.service] ?? "";
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
