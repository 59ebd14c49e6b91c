import { type Command, Option } from "commander";
import { writeFile } from "node:fs/promises";
import { serviceHash } from "../../compose/hash.ts";
import type { LoadedProject } from "../../compose/load.ts";
import { imagesOf, renderProject } from "../../compose/render.ts";
import { DsoError } from "../../model/errors.ts";
import { composeDialect } from "../../reconciler/applyContext.ts";
import type { Context } from "../../reconciler/context.ts";
import { loadToShow } from "../../reconciler/load.ts";
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
    .option("--no-path-resolution", "paths as they are written")
    .option("-o, --output <file>", "into this file")
    .action((services: readonly string[], flags: Flags) =>
      withContext(session, command, async (context) => {
        const request = await projectRequest(session, command, services);
        const project = await loadToShow(context, request, asShown(flags), session.signal);
        if (flags.quiet === true) return;
        const text = await told(context, project, { services, flags }, session.signal);
        if (flags.output !== undefined) await writeFile(flags.output, `${text}\n`);
        else if (text !== "") print(session, text);
      }),
    );
}

function asShown({ consistency, pathResolution }: Flags): Parameters<typeof loadToShow>[2] {
  const without = new Set<"consistency" | "paths">();
  if (!consistency) without.add("consistency");
  if (!pathResolution) without.add("paths");
  return { without };
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
  const model = renderProject(project, { services, form: flags.format });
  if (flags.format === "json") return JSON.stringify(model, undefined, 2);
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
