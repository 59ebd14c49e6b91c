import type { Command } from "commander";
import { DsoError } from "../../model/errors.ts";
import { COMPOSE } from "../../model/labels.ts";
import { prefixIn } from "../../model/sealing.ts";
import type { ObservedContainer } from "../../model/observed.ts";
import type { Context } from "../../reconciler/context.ts";
import { loadModel } from "../../reconciler/load.ts";
import { addProjectFlags, collect, positive } from "../flags.ts";
import { projectRequest, withContext } from "../request.ts";
import type { Session } from "../session.ts";
import { withTerminal } from "../terminal.ts";

interface Flags {
  readonly env?: readonly string[];
  readonly index: number;
  readonly privileged?: boolean;
  readonly tty: boolean;
  readonly user?: string;
  readonly workdir?: string;
}

export function define(command: Command, session: Session): void {
  addProjectFlags(command, { short: false })
    .argument("<service>")
    .argument("<command...>")
    .option("-e, --env <name=value>", "set a variable; may be given again", collect)
    .option("--index <n>", "which container of the service", positive, 1)
    .option("--privileged", "with all capabilities")
    .option("-T, --no-tty", "without a terminal")
    .option("-u, --user <user>", "as this user")
    .option("-w, --workdir <path>", "in this directory")
    .action((service: string, given: readonly string[], flags: Flags) =>
      withContext(session, command, async (context) => {
        const request = await projectRequest(session, command, [service]);
        const { name } = await loadModel(context, request, session.signal);
        const container = await find(context, name, service, flags.index, session.signal);
        const tty = flags.tty && session.input.isTTY === true && session.output.isTTY === true;
        const detail = await context.engine.inspectContainer(container.id, session.signal);
        const words = given[0] === "--" ? given.slice(1) : given;
        const asked = {
          // With the variables that its own program has, and the engine does not know.
          argv: [...prefixIn(detail?.config.Entrypoint), ...words],
          tty,
          ...(flags.env === undefined ? {} : { environment: flags.env }),
          ...(flags.user === undefined ? {} : { user: flags.user }),
          ...(flags.workdir === undefined ? {} : { workingDir: flags.workdir }),
          ...(flags.privileged === true ? { privileged: true } : {}),
        };
        session.exitCode = await withTerminal(session, { tty, stdin: true }, (streams) =>
          context.engine.exec(container.id, asked, streams, session.signal),
        );
      }),
    );
}

async function find(
  { engine }: Context,
  project: string,
  service: string,
  index: number,
  signal: AbortSignal,
): Promise<ObservedContainer> {
  const { containers } = await engine.listProject(project, signal);
  const running = containers.filter(
    ({ labels, state }) =>
      labels[COMPOSE.service] === service &&
      labels[COMPOSE.oneoff] !== "True" &&
      state === "running",
  );
  const found =
    running.find(({ labels }) => labels[COMPOSE.number] === String(index)) ??
    (index === 1 ? running[0] : undefined);
  if (found !== undefined) return found;
  throw new DsoError(
    "usage",
    `Service ${service} of ${project} has no running container ${index}.`,
    {
      hint: "dso up starts it; dso run makes a container of its own.",
    },
  );
}
