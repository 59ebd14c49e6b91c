/** The flags that `docker compose` has before the name of a command, beyond those that say which project is meant. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { DsoError } from "../model/errors.ts";
import { addProjectFlags } from "./flags.ts";

export interface ComposeFlags {
  readonly allResources?: boolean;
  readonly ansi?: string;
  readonly compatibility?: boolean;
  readonly dryRun?: boolean;
  readonly parallel?: string;
  readonly progress?: string;
  readonly verbose?: boolean;
}

export function addComposeFlags(command: Command): void {
  addProjectFlags(command)
    .option("--all-resources", "config: also what no service uses")
    .addOption(new Option("--ansi <when>", "escape sequences").choices(["never", "always", "auto"]))
    .option("--compatibility", "passed on to docker compose")
    .option("--dry-run", "passed on to docker compose; ours is `dso plan`")
    .addOption(
      new Option("--parallel <n>", "passed on to docker compose; ours is -parallelism").argParser(
        wholeNumber,
      ),
    )
    .addOption(
      new Option("--progress <kind>", "passed on to docker compose").choices([
        ...["auto", "tty", "plain", "json", "quiet"],
      ]),
    )
    .addOption(new Option("--verbose").hideHelp())
    .hook("preAction", (group, called) => {
      refuseDisobeyed(group.opts(), called.name());
    });
}

/** What the group was given, in Compose's spelling. */
export function composeWords(flags: ComposeFlags): readonly string[] {
  const { allResources, ansi, compatibility, dryRun, parallel, progress, verbose } = flags;
  const said = (name: string, is: boolean | undefined): readonly string[] => (is ? [name] : []);
  const one = (name: string, value: string | undefined): readonly string[] =>
    value === undefined ? [] : [name, value];
  return [
    ...said("--all-resources", allResources),
    ...one("--ansi", ansi),
    ...said("--compatibility", compatibility),
    ...said("--dry-run", dryRun),
    ...one("--parallel", parallel),
    ...one("--progress", progress),
    ...said("--verbose", verbose),
  ];
}

function wholeNumber(text: string): string {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError("Write a number; -1 is no limit.");
  return text;
}

/** A flag that one of our own commands would not obey is refused, not dropped. */
function refuseDisobeyed(flags: ComposeFlags, name: string): void {
  if (name === "config") {
    if (flags.compatibility === true) throw refused("--compatibility", name, NAMES);
    return;
  }
  if (!OWN.has(name)) return;
  if (flags.dryRun === true)
    throw refused("--dry-run", name, "`dso plan` shows what would be done.");
  if (flags.compatibility === true) throw refused("--compatibility", name, NAMES);
  if (flags.allResources === true) throw refused("--all-resources", name, "It is for config.");
  if (flags.parallel !== undefined) {
    throw refused("--parallel", name, "-parallelism says how many operations there are at a time.");
  }
}

const OWN: ReadonlySet<string> = new Set(["up", "down", "run", "exec", "logs"]);
const NAMES = "Names are those of Compose 2 here; container_name gives another one.";

function refused(flag: string, name: string, hint: string): DsoError {
  return new DsoError("usage", `dso compose ${name} does not know ${flag}.`, { hint });
}
