/** Flags that several commands share: declared once, read once. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from "../model/plan.ts";
import { parseDuration } from "../model/duration.ts";
import { DsoError } from "../model/errors.ts";

const KINDS = /^(service|container|network|volume|image|secret)\./;

/** Flags that may stand at the program, at `compose` and at the command; the nearest one counts. */
export interface ProjectFlags {
  readonly file?: readonly string[];
  readonly projectName?: string;
  readonly projectDirectory?: string;
  readonly profile?: readonly string[];
  readonly envFile?: readonly string[];
  readonly config?: string;
  readonly color?: boolean;
  /** Of `compose` alone. */
  readonly ansi?: string;
}

export interface RunFlags {
  readonly json?: boolean;
  readonly lockTimeout: number;
  readonly parallelism: number;
  readonly input: boolean;
  readonly showValues?: boolean;
}

export interface PlanFlags {
  readonly out?: string;
  readonly detailedExitcode?: boolean;
  readonly refreshOnly?: boolean;
  readonly destroy?: boolean;
  readonly target?: readonly string[];
  readonly exclude?: readonly string[];
  readonly replace?: readonly string[];
}

export interface ApproveFlags {
  readonly autoApprove?: boolean;
  readonly allowEmpty?: boolean;
}

/** `short: false` where `-f` or `-p` mean something else, as with `logs` and `run`. */
export function addProjectFlags(command: Command, { short = true } = {}): Command {
  return command
    .option(`${short ? "-f, " : ""}--file <file>`, "compose file; may be given again", collect)
    .option(`${short ? "-p, " : ""}--project-name <name>`, "name of the project")
    .option("--project-directory <path>", "directory that relative paths start from")
    .option("--profile <name>", "switch a profile on; may be given again", collect)
    .option("--env-file <file>", "file to interpolate from; may be given again", collect)
    .option(`${short ? "-c, " : ""}--config <file>`, "dso.yaml to use")
    .option("--no-color", "plain text, as NO_COLOR does");
}

/** How the work is done, whatever it is. */
export function addRunFlags(command: Command): Command {
  return command
    .option("--json", "one JSON object per line, in the message types of Terraform")
    .addOption(
      new Option("--lock-timeout <duration>", "how long to wait for another process")
        .argParser(milliseconds)
        .default(0, "0s"),
    )
    .addOption(
      new Option("--parallelism <n>", "operations at a time").argParser(positive).default(4),
    )
    .addOption(
      new Option("--input <bool>", "whether questions may be asked")
        .argParser(boolean)
        .default(true),
    )
    .option(
      "--show-values",
      "show environment values that stand in no compose file; terminal only",
    );
}

/** What Terraform's planner can be asked. */
export function addPlanFlags(command: Command): Command {
  return command
    .option("--refresh-only", "only what differs from the last apply although no file did")
    .option("--destroy", "the removal of everything but volumes")
    .option("--target <address>", "only this, and what it needs; may be given again", collect)
    .option("--exclude <address>", "all but this; may be given again", collect)
    .option("--replace <address>", "replace this in any case; may be given again", collect);
}

export function addApproveFlags(command: Command): Command {
  return command
    .option("--auto-approve", "do not ask")
    .option("--allow-empty", "removing everything needs no yes");
}

/** The flags of the command and of all that it stands under, the nearest one counting. */
export function projectFlags(command: Command): ProjectFlags {
  const outer = command.parent === null ? {} : projectFlags(command.parent);
  const own = command.opts<ProjectFlags>();
  const color = outer.color !== false && own.color !== false && own.ansi !== "never";
  const file = [...(outer.file ?? []), ...(own.file ?? [])];
  const profile = [...(outer.profile ?? []), ...(own.profile ?? [])];
  const envFile = [...(outer.envFile ?? []), ...(own.envFile ?? [])];
  return { ...outer, ...own, file, profile, envFile, color };
}

export function planOptions(flags: PlanFlags): PlanOptions {
  if (flags.refreshOnly === true && flags.destroy === true) {
    throw new DsoError("usage", "-refresh-only and -destroy exclude each other.");
  }
  return {
    ...DEFAULT_PLAN_OPTIONS,
    mode:
      flags.destroy === true ? "destroy" : flags.refreshOnly === true ? "refresh-only" : "apply",
    targets: (flags.target ?? []).map(address),
    excludes: (flags.exclude ?? []).map(address),
    replace: (flags.replace ?? []).map(address),
  };
}

/** A bare name means the service of that name. */
export function address(text: string): string {
  return KINDS.test(text) ? text : `service.${text}`;
}

export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

export function seconds(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Math.ceil(milliseconds(text) / 1000);
}

export function positive(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError("Write a number from 1 on.");
  return Number(text);
}

function milliseconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError("Write a duration such as 30s or 1m30s.");
  return ms;
}

function boolean(text: string): boolean {
  if (text !== "true" && text !== "false") throw new InvalidArgumentError("Write true or false.");
  return text === "true";
}
