/** `post_start` and `pre_stop`: commands that a service wants run in its containers. */
import type { DesiredService } from "../../model/desired.ts";
import { DsoError } from "../../model/errors.ts";
import type { Report } from "../../model/events.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { ExecRequest } from "../../model/ports.ts";
import type { HookModel, ServiceModel } from "../../model/project.ts";
import { mayRead, prefixIn } from "../../model/sealing.ts";
import { readSpec } from "../../model/spec.ts";
import { type ProbeTools, tryCommand } from "../rollout/probe.ts";

type HookKind = "post_start" | "pre_stop";

export interface Hooks {
  readonly container: ContainerDetail;
  readonly kind: HookKind;
  readonly hooks: readonly HookModel[];
}

/** For a service that the files do not know, whose own time nobody can tell. */
const LONGEST_MS = 60_000;

/** What the container was made with; `model` is for one that Compose has made, which does not remember it. */
export function hooksOf(
  labels: ContainerDetail["labels"],
  kind: HookKind,
  model: ServiceModel | undefined,
): readonly HookModel[] {
  return (readSpec(labels)?.service ?? model)?.[kind] ?? [];
}

/** How long each command may take, ms. */
export function limitOf(service: DesiredService | undefined): number {
  return service?.policy.rotationTimeoutMs ?? LONGEST_MS;
}

/**
 * Runs them one after the other, at least once each: who is killed between two begins again. Rejects
 * with `hook-failed` at the first that does not end with 0, or is not done when `limitMs` are over.
 */
export async function runHooks(
  tools: ProbeTools,
  { container, kind, hooks }: Hooks,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (const [index, hook] of hooks.entries()) {
    const limit = { name: `${kind}[${index}] of ${container.name}`, timeoutMs: limitMs };
    const request = requestFor(hook, container);
    const failure = await tryCommand(tools, container.id, request, limit, signal);
    if (failure === undefined) continue;
    // Its own end says more, to whoever looks at it next.
    if (await hasEnded(tools, container.id, signal)) return;
    throw hookFailed(failure, kind === "pre_stop" ? withoutHooks(container) : []);
  }
}

/** The same where nothing hangs on it: a failure is told, with what came of it. Answers whether there was none. */
export async function tryHooks(
  tools: ProbeTools & { readonly report: Report },
  hooks: Hooks,
  { limitMs, outcome }: { readonly limitMs: number; readonly outcome: string },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await runHooks(tools, hooks, limitMs, signal);
    return true;
  } catch (error) {
    if (!(error instanceof DsoError && error.code === "hook-failed")) throw error;
    const message = `${error.message}; ${outcome}`;
    tools.report({ type: "warning", code: "hook-failed", message });
    return false;
  }
}

export function hookFailed(what: string, more: readonly string[] = []): DsoError {
  const hint = "What the service wants run there has to end with 0, within rotation.timeout.";
  return new DsoError("hook-failed", what, { hint: [hint, ...more].join(" ") });
}

/** The way out for whoever wants it to go all the same: what does not run has nothing run before it stops. */
function withoutHooks({ name }: ContainerDetail): readonly string[] {
  return [`\`docker stop ${name}\` stops it without.`];
}

/** With the variables that its container's program has, as far as its user may read them. */
function requestFor(hook: HookModel, { config }: ContainerDetail): ExecRequest {
  const prefix = mayRead(hook.user, config.User ?? "") ? prefixIn(config.Entrypoint) : [];
  const variables = Object.entries(hook.environment ?? {});
  return {
    argv: [...prefix, ...(hook.command ?? [])],
    environment: variables.map(([name, value]) => (value === null ? name : `${name}=${value}`)),
    tty: false,
    ...(hook.user === undefined ? {} : { user: hook.user }),
    ...(hook.working_dir === undefined ? {} : { workingDir: hook.working_dir }),
    ...(hook.privileged === undefined ? {} : { privileged: hook.privileged }),
  };
}

async function hasEnded({ engine }: ProbeTools, id: string, signal: AbortSignal): Promise<boolean> {
  const container = await engine.inspectContainer(id, signal);
  return container?.state !== "running";
}
