import { type Command, Option } from "commander";
import { writeFile } from "node:fs/promises";
import { serviceHash } from "../../compose/hash.ts";
import type { LoadedProject, Omission } from "../../compose/load.ts";
import { imagesOf, renderMerged, renderProject } from "../../compose/render.ts";
import { DsoError } from "../../model/errors.ts";
import type { Json } from "../../model/project.ts";
import { composeDialect } from "../../reconciler/applyContext.ts";
import type { Context } from "../../reconciler/context.ts";
import { loadToShow, mergedToShow } from "../../reconciler/load.ts";
import { addProjectFlags } from "../flags.ts";
import { projectRequest, withContext } from "../request.ts";
import { print, type Session } from "../session.ts";

interface Flags {
  readonly format: "yaml" | "json";
  readonly quiet?: boolean;
  readonly services?: boolean;
  readonly volumes?: boolean;
  readonly networks?: boolean;
  readonly images?: boolean;
  readonly profiles?: boolean;
  readonly hash?: string;
  readonly output?: string;
  /** Commander's: false where the flag begins with "no". */
  readonly consistency: boolean;
  readonly interpolate: boolean;
  readonly normalize: boolean;
  readonly pathResolution: boolean;
}

export function define(command: Command, session: Session): void {
  addProjectFlags(command)
    .argument("[service...]", "only these, and what they need")
    .addOption(new Option("--format <format>").choices(["yaml", "json"]).default("yaml"))
    .option("-q, --quiet", "only check")
    .option("--services", "the names of the services")
    .option("--volumes", "the names of the volumes")
    .option("--networks", "the names of the networks")
    .option("--images", "the images")
    .option("--profiles", "the profiles")
    .option("--hash <services>", "the config hash of these, or of all: '*'")
    .option("--no-consistency", "what does not fit together is shown all the same")
    .option("--no-interpolate", "variables as they are written")
    .option("--no-normalize", "without what Compose adds: the default network, names, dependencies")
    .option("--no-path-resolution", "paths as they are written")
    .option("-o, --output <file>", "into this file")
    .action((services: readonly string[], flags: Flags) =>
      withContext(session, command, async (context) => {
        const request = await projectRequest(session, command, services);
        const list = LISTS.find((name) => flags[name] !== undefined);
        if (!flags.interpolate && list !== undefined) throw unread(list);
        const show = { without: left(flags) };
        const project = flags.interpolate
          ? await loadToShow(context, request, show, session.signal)
          : await mergedToShow(context, request, show, session.signal);
        if (flags.quiet === true) return;
        const text =
          "kind" in project
            ? await written(renderMerged(project), flags)
            : await told(context, project, { services, flags }, session.signal);
        if (flags.output !== undefined) await writeFile(flags.output, `${text}\n`);
        else if (text !== "") print(session, text);
      }),
    );
}

/** What needs the values of variables. */
const LISTS = ["services", "volumes", "networks", "images", "profiles", "hash"] as const;

function unread(list: string): DsoError {
  return new DsoError("usage", `--no-interpolate and --${list} exclude each other.`, {
    hint: "A list is of the project, which is known with the values of its variables.",
  });
}

function left({ consistency, normalize, pathResolution }: Flags): ReadonlySet<Omission> {
  const without = new Set<Omission>();
  if (!consistency) without.add("consistency");
  if (!normalize) without.add("normalisation");
  if (!pathResolution) without.add("paths");
  return without;
}

interface Asked {
  readonly services: readonly string[];
  readonly flags: Flags;
}

/** Without a newline at its end. */
async function told(
  context: Context,
  project: LoadedProject,
  { services, flags }: Asked,
  signal: AbortSignal,
): Promise<string> {
  if (flags.hash !== undefined) return hashes(context, project, flags.hash, signal);
  const list = listed(project, flags);
  if (list !== undefined) return list.join("\n");
  return written(renderProject(project, { services, form: flags.format }), flags);
}

async function written(model: Json, { format }: Flags): Promise<string> {
  if (format === "json") return JSON.stringify(model, undefined, 2);
  return (await import("yaml")).stringify(model, { lineWidth: 0 }).trimEnd();
}

function listed(project: LoadedProject, flags: Flags): readonly string[] | undefined {
  if (flags.services === true) return [...project.services.keys()];
  if (flags.volumes === true) return [...project.volumes.keys()];
  if (flags.networks === true) return [...project.networks.keys()];
  if (flags.images === true) return imagesOf(project);
  return flags.profiles === true ? project.knownProfiles : undefined;
}

/** Lines of `service hash`, as Compose prints them; no engine is asked. */
async function hashes(
  context: Context,
  project: LoadedProject,
  wanted: string,
  signal: AbortSignal,
): Promise<string> {
  const all = [...project.services.keys()];
  const names = wanted === "*" ? all : wanted.split(",");
  const dialect = await composeDialect(context, project, signal);
  const lines = names.map((name) => {
    const model = project.services.get(name);
    if (model !== undefined) return `${name} ${serviceHash(model, dialect)}`;
    throw new DsoError("usage", `There is no service ${name}.`, {
      hint: `The project has ${all.join(", ")}.`,
    });
  });
  return lines.join("\n");
}
