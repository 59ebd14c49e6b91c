import type { Command } from "commander";
import { findAgent } from "../../agent/client.ts";
import { isComplete } from "../../apply/context.ts";
import { DsoError } from "../../model/errors.ts";
import { DEFAULT_PLAN_OPTIONS } from "../../model/plan.ts";
import type { Context } from "../../reconciler/context.ts";
import { addProjectFlags, addRunFlags, address, type RunFlags, seconds } from "../flags.ts";
import type { View } from "../render/view.ts";
import { projectRequest, withContext } from "../request.ts";
import { rollOut, withView } from "../rollout.ts";
import type { Session } from "../session.ts";
import { openWithoutVersions } from "../remains.ts";

interface DownFlags {
  readonly volumes?: boolean;
  readonly removeOrphans?: boolean;
  readonly timeout?: number;
  readonly rmi?: string;
}

export function define(command: Command, session: Session): void {
  addProjectFlags(addRunFlags(command))
    .argument("[service...]", "only these")
    .option("-v, --volumes", "remove named and anonymous volumes too: what is in them is lost")
    .option(
      "--remove-orphans",
      "remove containers of services that are gone, those of another directory too",
    )
    .option("-t, --timeout <seconds>", "to stop in, over the container's own", seconds)
    .option("--rmi <which>", "not in this release")
    .action((services: readonly string[], flags: DownFlags & RunFlags) =>
      withView(session, command, flags, (view) =>
        withContext(session, command, async (context) => {
          if (flags.rmi !== undefined) throw rmi();
          const request = await projectRequest(session, command, services);
          const isDeclared = await declaredProjects(context, session);
          await rollOut(context, session, view, {
            operation: "down",
            request,
            open: (signal) => openWithoutVersions(context, request, signal),
            options: {
              ...DEFAULT_PLAN_OPTIONS,
              mode: "destroy",
              targets: services.map(address),
              withDependencies: false,
              removeOrphans: flags.removeOrphans === true ? "all" : "ours",
              removeVolumes: flags.volumes ?? false,
              stopTimeout: flags.timeout,
            },
            flags,
            approve: async () => true,
            settle: async ({ plan: { project } }, outcome) => {
              const whole = services.length === 0 && isComplete(outcome);
              if (whole && isDeclared(project)) await keepDown(context, view, project);
            },
          });
        }),
      ),
    );
}

/** Those that dso.yaml names; the agent may go by another one. */
async function declaredProjects(
  { config, paths }: Context,
  { signal }: Session,
): Promise<(project: string) => boolean> {
  const agent = await findAgent(paths.agentSocket, signal);
  const { projects = [] } = (await agent?.status()) ?? {};
  const named = new Set(projects.filter(({ declared }) => declared).map(({ name }) => name));
  return (project) => config.projects.has(project) || named.has(project);
}

/** dso.yaml names it still, and whoever works by that would bring it up again. */
async function keepDown(context: Context, view: View, project: string): Promise<void> {
  await context.state.setHold(project, {
    since: new Date(context.clock.now()).toISOString(),
    who: context.who,
    why: "taken down",
  });
  view.remark(
    `dso.yaml names project ${project}: it is held, so that no agent brings it up again.`,
  );
  view.remark("Lift that with: dso resume");
}

function rmi(): DsoError {
  return new DsoError("not-in-release", "--rmi is not in this release.", {
    hint: "Remove the images with docker image rm.",
  });
}
