import { isComplete } from "../apply/context.ts";
import type { Desired } from "../model/desired.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Observed, ObservedContainer } from "../model/observed.ts";
import type { Context } from "../reconciler/context.ts";
import { observe } from "../reconciler/observe.ts";
import type { ProjectRequest } from "../reconciler/request.ts";
import { carryOut, type Errand, serviceOf, stopOperations, waitOperations } from "./carryOut.ts";
import { streamLogs } from "./logStream.ts";
import type { View } from "./render/view.ts";
import { projectScrubber } from "./scrubbing.ts";
import { note, type Session, whileWatched } from "./session.ts";

export interface Attachment {
  readonly request: ProjectRequest;
  readonly desired: Desired;
  /** Only these services; empty: all. */
  readonly services: readonly string[];
  /** Seconds, over the containers' own. */
  readonly stopTimeout: number | undefined;
}

/**
 * `up` without `-d`: shows what the containers print until Ctrl-C, and stops them then. Where only
 * the reader goes, as in `dso up | head`, they run on: nobody has said that they are to stop.
 */
export async function follow(
  context: Context,
  session: Session,
  view: View,
  attachment: Attachment,
): Promise<void> {
  const { request, desired, stopTimeout } = attachment;
  const { observed, containers } = await look(context, session, attachment);
  const scrubber = await projectScrubber(context, desired, containers, session.signal);
  const options = {
    ...{ follow: true, timestamps: false, prefix: true, tail: undefined, since: undefined },
    project: desired.project.name,
  };
  const signal = whileWatched(session);
  try {
    await streamLogs(context.engine, containers, options, scrubber, session, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    scrubber.drop();
  }
  if (!session.signal.aborted) return;
  note(session, "Stopping the containers; dso up -d leaves them running.");
  const operations = stopOperations(desired, containers);
  const errand = { request, desired, observed, operations, options: { stopTimeout } };
  // The first Ctrl-C has come already: only a second one ends this.
  await tell(context, session, view, errand, session.force);
}

/** `up --wait`: comes back once every service serves. */
export async function waitForAll(
  context: Context,
  session: Session,
  view: View,
  attachment: Attachment,
): Promise<void> {
  const { request, desired } = attachment;
  const { observed, containers } = await look(context, session, attachment);
  const operations = waitOperations(desired, containers);
  await tell(context, session, view, { request, desired, observed, operations }, session.signal);
}

async function look(
  context: Context,
  { signal }: Session,
  { desired, services }: Attachment,
): Promise<{ readonly observed: Observed; readonly containers: readonly ObservedContainer[] }> {
  const listed = context.engine.listProject(desired.project.name, signal);
  const observed = await observe(context, desired, listed, signal);
  const containers = observed.containers.filter(
    (container) =>
      container.state === "running" &&
      container.labels[COMPOSE.oneoff] !== "True" &&
      (services.length === 0 || services.includes(serviceOf(container))),
  );
  return { observed, containers };
}

async function tell(
  context: Context,
  session: Session,
  view: View,
  errand: Errand,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await carryOut(context, session, view, errand, signal);
  for (const { error } of outcome.failed) await view.failed(error);
  if (!isComplete(outcome)) session.exitCode = 1;
}
