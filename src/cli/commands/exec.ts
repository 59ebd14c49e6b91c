import type { Command } from "commander";
import { DsoError } from "../../model/errors.ts";
import { COMPOSE } from "../../model/labels.ts";
import { mayRead, prefixIn } from "../../model/sealing.ts";
import { readSpec, valueNames } from "../../model/spec.ts";
import type { ObservedContainer } from "../../model/observed.ts";
import type { Context } from "../../reconciler/context.ts";
import { loadModel } from "../../reconciler/load.ts";
import { addProjectFlags, collect, positive } from "../flags.ts";
import { projectRequest, withContext } from "../request.ts";
import { note, type Session } from "../session.ts";
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
        refuseSealed(container, flags.env ?? []);
        const words = given[0] === "--" ? given.slice(1) : given;
        const prefix = prefixIn(detail?.config.Entrypoint);
        const reads = mayRead(flags.user, detail?.config.User ?? "");
        if (prefix.length > 0 && !reads) note(session, NOT_READABLE);
        const asked = {
          // With the variables that its own program has, and the engine does not know.
          argv: reads ? [...prefix, ...words] : words,
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

const NOT_READABLE = "Without the sealed variables, which this user may not read.";

/** The program that brings the variables comes after `-e`, and would undo it without a word. */
function refuseSealed({ labels }: ObservedContainer, environment: readonly string[]): void {
  const spec = readSpec(labels);
  if (spec?.env !== "sealed") return;
  const sealed = valueNames(spec);
  const name = environment
    .map((entry) => entry.split("=", 1)[0] ?? "")
    .find((one) => sealed.has(one));
  if (name === undefined) return;
  throw new DsoError("usage", `${name} is a sealed variable, which -e cannot change.`, {
    hint: "Set it in the command itself: sh -c 'NAME=value exec …'.",
  });
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
