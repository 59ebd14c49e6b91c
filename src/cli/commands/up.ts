import { type Command, InvalidArgumentError, Option } from "commander";
import { findAgent } from "../../agent/client.ts";
import { isComplete } from "../../apply/context.ts";
import { DsoError } from "../../model/errors.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from "../../model/plan.ts";
import type { Context } from "../../reconciler/context.ts";
import { open } from "../../reconciler/load.ts";
import { approveLoss } from "../approval.ts";
import { follow, waitForAll } from "../attached.ts";
import {
  addProjectFlags,
  addRunFlags,
  address,
  type ApproveFlags,
  type RunFlags,
  seconds,
} from "../flags.ts";
import { projectRequest, withContext } from "../request.ts";
import { rollOut, withView } from "../rollout.ts";
import { note, type Session } from "../session.ts";

interface UpFlags {
  readonly detach?: boolean;
  readonly build?: boolean;
  readonly pull?: "always" | "missing" | "never" | "policy";
  readonly wait?: boolean;
  readonly deps: boolean;
  readonly start: boolean;
  readonly recreate: boolean;
  readonly forceRecreate?: boolean;
  readonly removeOrphans?: boolean;
  readonly scale?: Readonly<Record<string, number>>;
  readonly renewAnonVolumes?: boolean;
  readonly timeout?: number;
}
type Flags = UpFlags & RunFlags & ApproveFlags;

export function define(command: Command, session: Session): void {
  addUpFlags(addProjectFlags(addRunFlags(command)))
    .argument("[service...]", "only these, and what they need")
    .action((services: readonly string[], flags: Flags) =>
      withView(session, command, flags, (view) =>
        withContext(session, command, async (context) => {
          const request = await projectRequest(session, command, services);
          const done = await rollOut(context, session, view, {
            operation: "up",
            request,
            open: (signal) => open(context, request, signal),
            options: upOptions(flags, services),
            flags,
            approve: (run) => approveLoss(session, flags, run),
          });
          if (done === undefined || !isComplete(done.outcome)) return;
          if (services.length > 0 || flags.scale !== undefined) {
            await tellOfAgent(context, session, done.run.plan.project);
          }
          if (!flags.start) return;
          const { desired } = done.run;
          const attachment = { request, desired, services, stopTimeout: flags.timeout };
          if (flags.wait === true) await waitForAll(context, session, view, attachment);
          else if (flags.detach !== true && flags.json !== true) {
            await follow(context, session, view, attachment);
          }
        }),
      ),
    );
}

/** What only a command line says is not in the files, which is what the agent goes by. */
async function tellOfAgent(context: Context, session: Session, project: string): Promise<void> {
  const agent = await findAgent(context.paths.agentSocket, session.signal);
  const { projects = [] } = (await agent?.status()) ?? {};
  if (projects.every(({ name }) => name !== project)) return;
  note(session, `An agent looks after project ${project} and goes by its files alone:`);
  note(session, "it starts what they ask for, and as often. dso hold keeps it from that.");
}

function addUpFlags(command: Command): Command {
  const pull = new Option("--pull <policy>", "when to pull images").choices([
    "always",
    "missing",
    "never",
    "policy",
  ]);
  return command
    .option("-d, --detach", "leave the containers running and come back")
    .option("--build", "build images first, though they are there")
    .addOption(pull)
    .option("--wait", "come back when all is healthy; implies -d")
    .option("--no-deps", "nothing that the named services need")
    .option("--no-start", "create what is missing, and start none of it")
    .option("--no-recreate", "leave containers as they are")
    .option("--force-recreate", "replace containers though nothing changed")
    .option(
      "--remove-orphans",
      "remove containers of services that are gone, those of another directory too",
    )
    .option("--scale <service=n>", "number of containers, over the file's", scale)
    .option("-V, --renew-anon-volumes", "do not carry anonymous volumes over")
    .option("-t, --timeout <seconds>", "to stop in, over the container's own", seconds)
    .option("--allow-empty", "removing everything needs no yes");
}

function upOptions(flags: Flags, services: readonly string[]): PlanOptions {
  if (!flags.recreate && flags.forceRecreate === true) {
    throw new DsoError("usage", "--force-recreate and --no-recreate exclude each other.");
  }
  return {
    ...DEFAULT_PLAN_OPTIONS,
    targets: services.map(address),
    withDependencies: flags.deps,
    recreate: flags.forceRecreate === true ? "force" : flags.recreate ? "diverged" : "never",
    build: flags.build === true ? "always" : "missing",
    pull: flags.pull ?? "policy",
    renewAnonymousVolumes: flags.renewAnonVolumes ?? false,
    scale: flags.scale ?? {},
    stopTimeout: flags.timeout,
    start: flags.start,
    ask: "always",
    rerun: flags.start && services.length > 0,
    removeOrphans: flags.removeOrphans === true ? "all" : "ours",
  };
}

function scale(
  text: string,
  before: Readonly<Record<string, number>> | undefined,
): Readonly<Record<string, number>> {
  const [, service, count] = /^(.+)=(\d{1,4})$/.exec(text) ?? [];
  if (service === undefined) throw new InvalidArgumentError("Write it like web=3.");
  return { ...before, [service]: Number(count) };
}
