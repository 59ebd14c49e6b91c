/** `run`: what the service needs is brought up, then one container of it beside the replicas. */
import type { Command } from "commander";
import { type MadeOneOff, makeOneOff, type OneOff } from "../apply/oneOff.ts";
import type { Desired, DesiredService } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import { DEFAULT_PLAN_OPTIONS, type Plan } from "../model/plan.ts";
import { applyContext } from "../reconciler/applyContext.ts";
import type { Context } from "../reconciler/context.ts";
import { open } from "../reconciler/load.ts";
import type { Run } from "../reconciler/reconcile.ts";
import { openAnswers } from "../reconciler/programs.ts";
import { carryOut } from "./carryOut.ts";
import type { RunFlags } from "./flags.ts";
import { type OneOffFlags, oneOffService } from "./oneOffService.ts";
import type { View } from "./render/view.ts";
import { projectRequest } from "./request.ts";
import { withPlan, withView } from "./rollout.ts";
import { print, type Session } from "./session.ts";
import { withTerminal } from "./terminal.ts";

export type { OneOffFlags } from "./oneOffService.ts";

export interface Once {
  readonly service: string;
  readonly words: readonly string[];
  readonly flags: OneOffFlags & RunFlags;
}

interface Made extends MadeOneOff {
  readonly name: string;
  readonly tty: boolean;
}

export async function runOnce(
  context: Context,
  session: Session,
  command: Command,
  once: Once,
): Promise<void> {
  // Standard output is the program's.
  const aside = { ...session, output: session.error };
  let made: Made | undefined;
  await withView(aside, command, once.flags, async (view) => {
    made = await prepare(context, session, command, view, once);
  });
  session.exitCode = aside.exitCode;
  if (made === undefined) return;
  if (once.flags.detach === true) {
    await context.engine.startContainer(made.id, session.signal);
    print(session, made.name);
    return;
  }
  try {
    session.exitCode = await attached(context, session, made);
  } finally {
    if (once.flags.rm === true) await remove(context, session, made);
  }
}

/** Under the project's lock, which is given back before the program starts: it may run for hours. */
async function prepare(
  context: Context,
  session: Session,
  command: Command,
  view: View,
  once: Once,
): Promise<Made> {
  const { service, flags } = once;
  const request = await projectRequest(session, command, [service]);
  const options = {
    ...DEFAULT_PLAN_OPTIONS,
    targets: [`service.${service}`],
    withDependencies: flags.deps,
    removeOrphans: "none" as const,
    ask: "always" as const,
  };
  const tty = flags.tty && session.input.isTTY === true && session.output.isTTY === true;
  const task = {
    operation: "run",
    request,
    open: (signal: AbortSignal) => open(context, request, signal),
    options,
    flags,
  };
  return withPlan(context, session, view, task, (run, signal) =>
    makeFor(context, session, view, { ...once, tty }, run, signal),
  );
}

/** What the service needs, and then its container, with what the programs gave that were asked for it. */
async function makeFor(
  context: Context,
  session: Session,
  view: View,
  { tty, ...once }: Once & { readonly tty: boolean },
  run: Run,
  signal: AbortSignal,
): Promise<Made> {
  const { service, flags } = once;
  // Told before anything is done for it.
  find(run.desired, service);
  const answers = openAnswers(context, run.desired.project.name);
  try {
    const { operations } = withoutContainersOf(run.plan, service);
    const errand = { ...run, operations, answers };
    const { failed } = await carryOut(context, session, view, errand, signal);
    if (failed[0] !== undefined) throw failed[0].error;
    const desired = answers.into(run.desired);
    const oneOff = oneOffOf(context, session, desired, once, tty);
    const settings = { parallelism: flags.parallelism, force: session.force };
    const work = await applyContext(context, { ...run, desired }, settings, signal, answers);
    return { ...(await makeOneOff(work, oneOff, view.report, signal)), name: oneOff.name, tty };
  } finally {
    answers.drop();
  }
}

function oneOffOf(
  { random }: Context,
  { environment }: Session,
  desired: Desired,
  { service, words, flags }: Once,
  tty: boolean,
): OneOff {
  const slug = random.hex(32);
  return {
    service: oneOffService(find(desired, service), { words, flags, environment, tty }),
    name: flags.name ?? `${desired.project.name}-${service}-run-${slug.slice(0, 12)}`,
    slug,
    useAliases: flags.useAliases ?? false,
  };
}

function find({ services }: Desired, name: string): DesiredService {
  const service = services.get(name);
  if (service !== undefined) return service;
  throw new DsoError("usage", `There is no service ${name}.`, {
    hint: `The project has ${[...services.keys()].join(", ")}.`,
  });
}

/** What the service needs: networks, volumes, its image, other services; not its own replicas. */
export function withoutContainersOf(plan: Plan, service: string): Plan {
  const own = `container.${service}[`;
  const operations = plan.operations.filter(({ address }) => !address.startsWith(own));
  const kept = new Set(operations.map(({ id }) => id));
  return {
    ...plan,
    operations: operations.map((operation) => ({
      ...operation,
      after: operation.after.filter((id) => kept.has(id)),
    })),
  };
}

async function attached({ engine }: Context, session: Session, { id, tty }: Made): Promise<number> {
  const stop = (): void =>
    void engine.stopContainer(id, undefined, session.force).catch(() => undefined);
  session.signal.addEventListener("abort", stop, { once: true });
  try {
    return await withTerminal(session, { tty, stdin: true }, async (streams) => {
      const { done } = await engine.attach(id, streams, session.force);
      await engine.startContainer(id, session.force);
      const code = await engine.waitContainer(id, session.force);
      await done;
      return code;
    });
  } finally {
    session.signal.removeEventListener("abort", stop);
  }
}

async function remove(
  { engine, delivery }: Context,
  { force }: Session,
  { id, generation }: Made,
): Promise<void> {
  await engine.removeContainer(id, { force: true, volumes: true }, force);
  if (generation !== undefined) await delivery.drop(generation.id, force);
}
