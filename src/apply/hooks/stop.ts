import type { DesiredService } from "../../model/desired.ts";
import type { Report } from "../../model/events.ts";
import { DsoError } from "../../model/errors.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Work } from "../context.ts";
import type { ProbeTools } from "../rollout/probe.ts";
import { type Hooks, runHooks, stopHooks } from "./commands.ts";

/** For a service that the files do not know, whose own time nobody can tell. */
const LONGEST_MS = 60_000;

type Note = () => Promise<void>;

/** Runs what the container wants run before it stops; rejects with `hook-failed`, and it runs on. */
export async function beforeStop(
  work: Work,
  service: DesiredService | undefined,
  container: ContainerDetail,
  note: Note,
  signal: AbortSignal,
): Promise<void> {
  const found = stopHooks(container, service?.model);
  if (container.state !== "running" || found.hooks.length === 0) return;
  await note();
  const stop = AbortSignal.any([signal, work.force]);
  await runHooks(toolsOf(work), found, limitOf(service), stop);
}

/** The same for a container that another one has taken over from: whatever comes of it, it goes. */
export function beforeLeaving(
  work: Work,
  service: DesiredService,
  old: ContainerDetail,
  note: Note,
): Promise<void> {
  const tools = { ...toolsOf(work), report: work.report };
  return leave(tools, stopHooks(old, service.model), note, limitOf(service), work.force);
}

/** And where the process that let it go was killed: what it wants is then told by itself alone. */
export function leaveByItself(
  tools: Leaving,
  old: ContainerDetail,
  note: Note,
  signal: AbortSignal,
): Promise<void> {
  return leave(tools, stopHooks(old, undefined), note, LONGEST_MS, signal);
}

type Leaving = ProbeTools & { readonly report: Report };

async function leave(
  tools: Leaving,
  found: Hooks,
  note: Note,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (found.hooks.length === 0) return;
  await note();
  try {
    await runHooks(tools, found, limitMs, signal);
  } catch (error) {
    if (!(error instanceof DsoError && error.code === "hook-failed")) throw error;
    const message = `${error.message}; the container went, as another one has its place`;
    tools.report({ type: "warning", code: "hook-failed", message });
  }
}

function toolsOf({ engine, scrubber }: Work): ProbeTools {
  return { engine, scrub: scrubber.scrub };
}

function limitOf(service: DesiredService | undefined): number {
  return service?.policy.rotationTimeoutMs ?? LONGEST_MS;
}
