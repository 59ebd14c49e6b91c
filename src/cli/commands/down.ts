import type { Command } from "commander";
import { DsoError } from "../../model/errors.ts";
import { DEFAULT_PLAN_OPTIONS } from "../../model/plan.ts";
import { addProjectFlags, addRunFlags, address, type RunFlags, seconds } from "../flags.ts";
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
          });
        }),
      ),
    );
}

function rmi(): DsoError {
  return new DsoError("not-in-release", "--rmi is not in this release.", {
    hint: "Remove the images with docker image rm.",
  });
}
