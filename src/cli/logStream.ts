import type { Scrubber } from "../apply/scrub.ts";
import { COMPOSE } from "../model/labels.ts";
import type { ObservedContainer } from "../model/observed.ts";
import type { Engine } from "../model/ports.ts";
import { DsoError } from "../model/errors.ts";
import { printable } from "./render/style.ts";
import { note, type Session } from "./session.ts";

export interface LogOptions {
  readonly follow: boolean;
  /** Lines from the end; undefined: all. */
  readonly tail: number | undefined;
  /** Seconds since the epoch. */
  readonly since: number | undefined;
  readonly timestamps: boolean;
  readonly prefix: boolean;
  /** The project's name, left out of the prefix as Compose does. */
  readonly project: string;
  /** Hears of each container that has no more to say. */
  readonly ended?: (id: string) => void;
}

/** A line that has no end is shown in pieces of this length. */
const LONGEST = 1 << 20;

/**
 * Prints the logs of all containers, by line, until they end or the signal aborts. One that the
 * engine cannot read (`driver: none`) is named, and the others are shown.
 */
export async function streamLogs(
  engine: Engine,
  containers: readonly ObservedContainer[],
  options: LogOptions,
  scrubber: Scrubber,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const names = containers.map((one) => shortName(one, options.project));
  const width = Math.max(0, ...names.map((name) => name.length));
  await Promise.all(
    containers.map(async ({ id }, index) => {
      const prefix = options.prefix ? `${(names[index] ?? "").padEnd(width)} | ` : "";
      const { follow, tail, since, timestamps } = options;
      const wanted = {
        follow,
        timestamps,
        ...(tail === undefined ? {} : { tail }),
        ...(since === undefined ? {} : { since }),
      };
      const say = (line: string): void => {
        session.output.write(`${prefix}${scrubber.scrub(line)}\n`);
      };
      const lines = { stdout: createLineBuffer(say), stderr: createLineBuffer(say) };
      try {
        for await (const { stream, data } of engine.logs(id, wanted, signal)) {
          lines[stream].push(data);
        }
      } catch (error) {
        if (!(error instanceof DsoError) || error.code !== "engine-refused") throw error;
        note(session, printable(`${names[index] ?? id}: ${scrubber.scrub(error.message)}`));
      }
      lines.stdout.flush();
      lines.stderr.flush();
      options.ended?.(id);
    }),
  );
}

export interface LineBuffer {
  push(data: Buffer): void;
  /** What was never ended by a newline. */
  flush(): void;
}

/** Gives whole lines: a value that two chunks share would be found in neither. */
export function createLineBuffer(say: (line: string) => void): LineBuffer {
  let rest = Buffer.alloc(0);
  return {
    push: (data) => {
      let text = Buffer.concat([rest, data]);
      for (let end = text.indexOf(0x0a); end !== -1; end = text.indexOf(0x0a)) {
        say(text.subarray(0, end).toString("utf8"));
        text = text.subarray(end + 1);
      }
      if (text.length > LONGEST) {
        say(text.toString("utf8"));
        text = Buffer.alloc(0);
      }
      rest = text;
    },
    flush: () => {
      if (rest.length > 0) say(rest.toString("utf8"));
      rest = Buffer.alloc(0);
    },
  };
}

/** `shop-web-1` of project `shop` is `web-1`. */
/** A new container is called `…-new` until it has the place of the old one. */
function shortName(
  { name, labels }: Pick<ObservedContainer, "name" | "labels">,
  project: string,
): string {
  const replica = `${labels[COMPOSE.service] ?? ""}-${labels[COMPOSE.number] ?? ""}`;
  if (name.startsWith(`${project}-${replica}-`)) return replica;
  return name.startsWith(`${project}-`) ? name.slice(project.length + 1) : name;
}
