/** What follows a changed secret: its users get the new version, in the foreground. */
import type { Command } from "commander";
import { referencesOf, type Desired } from "../model/desired.ts";
import { DEFAULT_PLAN_OPTIONS } from "../model/plan.ts";
import { secretName } from "../model/reference.ts";
import type { Controls } from "../agent/control.ts";
import { findAgent } from "../agent/client.ts";
import type { Context } from "../reconciler/context.ts";
import { rotationTarget, usersOf } from "../reconciler/rotate.ts";
import type { RegisteredProject } from "../reconciler/state.ts";
import { approveLoss } from "./approval.ts";
import { askAgent } from "./askAgent.ts";
import { printable } from "./render/style.ts";
import { rollOut, withView } from "./rollout.ts";
import { note, type Session } from "./session.ts";
import { referenceNames } from "./vault.ts";

const FLAGS = { lockTimeout: 30_000, parallelism: 4, input: true };

/**
 * Asks the engine who it is while the vault is still written, where somebody will need to know. A
 * failure is told where the plan needs it.
 */
export async function expectUsers(context: Context, session: Session, path: string): Promise<void> {
  const users = await usersOfAny(context, new Set(referenceNames(context, path)));
  if (users.length > 0) context.engine.info(session.signal).catch(() => undefined);
}

/** Rolls the new versions of these secrets out; the exit code tells of a project that did not get them. */
export async function rotateUsers(
  context: Context,
  session: Session,
  command: Command,
  paths: readonly string[],
): Promise<void> {
  const names = new Set(paths.flatMap((path) => referenceNames(context, path)));
  const agent = await findAgent(context.paths.agentSocket, session.signal);
  const looksAfter = new Set((await agent?.status())?.projects.map(({ name }) => name));
  for (const project of await usersOfAny(context, names)) {
    const hold = await context.state.hold(project.name);
    if (hold !== undefined) {
      const why = hold.why === "" ? "" : `: ${printable(hold.why)}`;
      note(
        session,
        `Project ${project.name} is held (by ${hold.who}${why}), so it keeps what it has.`,
      );
      continue;
    }
    if (looksAfter.has(project.name) && agent !== undefined) {
      await watchAgent(agent, session, project);
    } else await rotate(context, session, command, project, names);
    session.signal.throwIfAborted();
  }
}

export async function usersOfAny(
  context: Context,
  names: ReadonlySet<string>,
): Promise<readonly RegisteredProject[]> {
  const found = new Map<string, RegisteredProject>();
  for (const name of names) {
    for (const project of await usersOf(context, name)) found.set(project.name, project);
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** It would hear of the new version anyway; asked, it need not wait for more, and tells how it goes. */
async function watchAgent(
  agent: Controls,
  session: Session,
  project: RegisteredProject,
): Promise<void> {
  note(session, `Used by project ${project.name}. The agent rolls it out:`);
  if (await askAgent(agent, session, project.name, false)) return;
  note(session, conclusion(project));
  session.exitCode = 1;
}

async function rotate(
  context: Context,
  session: Session,
  command: Command,
  project: RegisteredProject,
  names: ReadonlySet<string>,
): Promise<void> {
  const before = session.exitCode;
  session.exitCode = 0;
  await withView(session, command, {}, async (view) => {
    const seen = await revisionOf(context, project);
    const { desired, aside } = await rotationTarget(context, project, session.signal);
    const services = servicesUsing(desired, names);
    if (services.length === 0) return;
    view.remark(introduction(project, services, aside));
    const load = async (signal: AbortSignal): Promise<Desired> => {
      // Evaluated while the engine lists, which it does now.
      void import("../apply/execute.ts");
      // Nobody has applied anything before the lock was ours: then it holds what was read.
      if ((await revisionOf(context, project)) === seen) return desired;
      return (await rotationTarget(context, project, signal)).desired;
    };
    await rollOut(context, session, view, {
      operation: "secret set",
      request: project.request,
      open: async () => Promise.resolve({ name: project.name, load, trace: undefined }),
      options: {
        ...DEFAULT_PLAN_OPTIONS,
        targets: services.map((service) => `service.${service}`),
        withDependencies: false,
        removeOrphans: "none",
      },
      flags: FLAGS,
      approve: (run) => approveLoss(session, FLAGS, run),
    });
  });
  if (session.exitCode !== 0) note(session, conclusion(project));
  session.exitCode = Math.max(before, session.exitCode);
}

/** Of what was applied last; undefined where nothing was. */
async function revisionOf(
  { state }: Context,
  { name }: RegisteredProject,
): Promise<number | undefined> {
  return (await state.history(name))[0]?.revision;
}

function introduction(
  { name }: RegisteredProject,
  services: readonly string[],
  aside: string | undefined,
): string {
  const users = `Used by ${services.join(", ")} of project ${name}.\n`;
  if (aside === undefined) return users;
  return `${users}Only the secret is rolled out: ${aside}. \`dso plan\` shows what differs.\n`;
}

function conclusion(project: RegisteredProject): string {
  const kept = `The secret is stored, but project ${project.name} was not brought up to date.`;
  return `\n${kept}\nOnce that is mended: ${applyCommand(project)}`;
}

/** Names of the services that use one of the secrets, sorted. */
export function servicesUsing(
  { services }: Pick<Desired, "services">,
  names: ReadonlySet<string>,
): readonly string[] {
  return [...services.values()]
    .filter(({ bindings }) =>
      bindings.some(({ template }) =>
        referencesOf(template).some((reference) => names.has(secretName(reference))),
      ),
    )
    .map(({ name }) => name)
    .sort();
}

/** For a shell, from any directory. */
function applyCommand({ name, request }: RegisteredProject): string {
  const words = [
    ...request.files.flatMap((file) => ["-f", file]),
    ...request.environmentFiles.flatMap((file) => ["--env-file", file]),
    ...(request.profiles ?? []).flatMap((profile) => ["--profile", profile]),
    ...["-p", name],
  ];
  return `dso apply ${words.map(quote).join(" ")}`;
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
