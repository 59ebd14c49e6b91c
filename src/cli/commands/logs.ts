import { type Command, InvalidArgumentError } from "commander";
import { parseDuration } from "../../model/duration.ts";
import { COMPOSE } from "../../model/labels.ts";
import type { ObservedContainer } from "../../model/observed.ts";
import { load } from "../../reconciler/load.ts";
import { addProjectFlags } from "../flags.ts";
import { followLogs, showLogs } from "../projectLogs.ts";
import { projectRequest, withContext } from "../request.ts";
import { projectScrubber } from "../scrubbing.ts";
import { type Session, whileWatched } from "../session.ts";

interface Flags {
  readonly follow?: boolean;
  readonly tail?: number;
  readonly since?: number;
  readonly timestamps?: boolean;
  readonly logPrefix: boolean;
}

export function define(command: Command, session: Session): void {
  addProjectFlags(command, { short: false })
    .argument("[service...]", "only these")
    .option("-f, --follow", "go on, with the containers that are started meanwhile")
    .option("-n, --tail <lines>", "from the end of each; all", tail)
    .option("--since <time>", "a time, or how long ago: 10m", since)
    .option("-t, --timestamps", "when each line was printed")
    .option("--no-log-prefix", "without the container's name")
    .action((services: readonly string[], flags: Flags) =>
      withContext(session, command, async (context) => {
        const request = await projectRequest(session, command, services);
        const desired = await load(context, request, session.signal);
        const project = desired.project.name;
        const options = {
          follow: flags.follow ?? false,
          tail: flags.tail,
          since: flags.since,
          timestamps: flags.timestamps ?? false,
          prefix: flags.logPrefix,
          project,
        };
        const source = {
          engine: context.engine,
          chosen: ({ labels }: ObservedContainer) =>
            labels[COMPOSE.oneoff] !== "True" &&
            (services.length === 0 || services.includes(labels[COMPOSE.service] ?? "")),
          scrubberFor: (containers: readonly ObservedContainer[]) =>
            projectScrubber(context, desired, containers, session.signal),
          now: () => context.clock.now(),
        };
        const show = flags.follow === true ? followLogs : showLogs;
        const signal = whileWatched(session);
        await show(source, options, session, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      }),
    );
}

function tail(text: string): number | undefined {
  if (text === "all") return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("Write a number, or all.");
  return Number(text);
}

function since(text: string): number {
  const ago = parseDuration(text);
  const at = ago === undefined ? Date.parse(text) : Date.now() - ago;
  if (Number.isNaN(at)) throw new InvalidArgumentError("Write 10m, or 2026-01-31T12:00:00Z.");
  return Math.floor(at / 1000);
}
