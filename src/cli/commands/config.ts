import { type Command, Option } from "commander";
import { serviceHash } from "../../compose/hash.ts";
import { renderProject } from "../../compose/render.ts";
import type { ComposeProject } from "../../model/project.ts";
import { DsoError } from "../../model/errors.ts";
import { composeDialect } from "../../reconciler/applyContext.ts";
import type { Context } from "../../reconciler/context.ts";
import { loadModel } from "../../reconciler/load.ts";
import type { ProjectRequest } from "../../reconciler/request.ts";
import { addProjectFlags } from "../flags.ts";
import { openWithoutVersions } from "../remains.ts";
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
    .action((services: readonly string[], flags: Flags) =>
      withContext(session, command, async (context) => {
        const request = await projectRequest(session, command, services);
        const project = await loadModel(context, request, session.signal);
        if (flags.quiet === true) return;
        const list = listed(project, flags);
        if (list !== undefined) printLines(session, list);
        else if (flags.hash !== undefined) {
          printLines(session, await hashes(context, request, flags.hash, session.signal));
        } else {
          const model = renderProject(project, { services });
          if (flags.format === "json") print(session, JSON.stringify(model, undefined, 2));
          else print(session, (await import("yaml")).stringify(model, { lineWidth: 0 }));
        }
      }),
    );
}

function listed(project: ComposeProject, flags: Flags): readonly string[] | undefined {
  if (flags.services === true) return [...project.services.keys()];
  if (flags.volumes === true) return [...project.volumes.keys()];
  if (flags.networks === true) return [...project.networks.keys()];
  const models = [...project.services];
  if (flags.images === true) {
    return models.map(([name, { image }]) => image ?? `${project.name}-${name}`);
  }
  if (flags.profiles !== true) return undefined;
  return [...new Set(models.flatMap(([, { profiles }]) => profiles ?? []))].sort();
}

/** Lines of `service hash`, as Compose prints them; no engine is asked. */
async function hashes(
  context: Context,
  request: ProjectRequest,
  wanted: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const desired = await (await openWithoutVersions(context, request, signal)).load(signal);
  const { project } = desired;
  const names = wanted === "*" ? [...project.services.keys()] : wanted.split(",");
  const dialect = await composeDialect(context, desired, signal);
  return names.map((name) => {
    const model = project.services.get(name);
    if (model !== undefined) return `${name} ${serviceHash(model, dialect)}`;
    throw new DsoError("usage", `There is no service ${name}.`, {
      hint: `The project has ${[...project.services.keys()].join(", ")}.`,
    });
  });
}

function printLines(session: Session, lines: readonly string[]): void {
  if (lines.length > 0) print(session, lines.join("\n"));
}
