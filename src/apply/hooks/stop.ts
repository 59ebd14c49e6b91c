import type { DesiredService } from "../../model/desired.ts";
import type { Report } from "../../model/events.ts";
import { DsoError } from "../../model/errors.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { readSpec } from "../../model/spec.ts";
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

/**
 * What a container wants run after its start, where it was stopped to be replaced, and is back: whatever
 * comes of it, it serves on. Its output is not shown: nobody here knows what to hide in it.
 */
export async function afterReturn(
  { engine, report }: Omit<Leaving, "scrub">,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const container = await engine.inspectContainer(id, signal);
  const hooks = readSpec(container?.labels ?? {})?.service.post_start ?? [];
  if (container?.state !== "running" || hooks.length === 0) return;
  const found: Hooks = { container, kind: "post_start", hooks };
  const tools = { engine, report, scrub: () => "" };
  await tolerate(tools, found, "the container serves on, as it did before", LONGEST_MS, signal);
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
  const outcome = "the container went, as another one has its place";
  await tolerate(tools, found, outcome, limitMs, signal);
}

async function tolerate(
  tools: Leaving,
  found: Hooks,
  outcome: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await runHooks(tools, found, limitMs, signal);
  } catch (error) {
    if (!(error instanceof DsoError && error.code === "hook-failed")) throw error;
    const message = `${error.message}; ${outcome}`;
    tools.report({ type: "warning", code: "hook-failed", message });
  }
}

function toolsOf({ engine, scrubber }: Work): ProbeTools {
  return { engine, scrub: scrubber.scrub };
}

function limitOf(service: DesiredService | undefined): number {
  return service?.policy.rotationTimeoutMs ?? LONGEST_MS;
}
