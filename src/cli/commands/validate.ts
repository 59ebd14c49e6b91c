import type { Command } from "commander";
import { notInRelease } from "../../config/notInRelease.ts";
import type { DsoError, Position } from "../../model/errors.ts";
import {
  describeServices,
  loadModel,
  permittedReferences,
  withAnswers,
} from "../../reconciler/load.ts";
import { survey } from "../../reconciler/survey.ts";
import { addProjectFlags, projectFlags } from "../flags.ts";
import { place } from "../render/errors.ts";
import { surveyBlock } from "../render/stores.ts";
import { printable, styleOf } from "../render/style.ts";
import { projectRequest, withContext } from "../request.ts";
import { print, type Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(command)
    .option("--offline", "ask no store whether the secrets are there")
    .action(({ offline = false }: { readonly offline?: boolean }) =>
      withContext(session, command, async (context) => {
        const wanted = projectFlags(command).color ?? true;
        const style = styleOf(session.output, session.environment, wanted);
        const warn = (message: string, position: Position | undefined): void => {
          const where = position === undefined ? "" : ` (${place(position)})`;
          print(session, `${style.yellow("Warning:")} ${printable(message)}${where}`);
        };
        const tell = ({ message, hint, position }: DsoError): void => {
          warn(hint === undefined ? message : `${message}. ${hint}`, position);
        };
        // First, because they hold for every project, and where there is none, too.
        notInRelease(context.config).forEach(tell);
        const request = await projectRequest(session, command);
        const project = await loadModel(context, request, session.signal);
        const services = describeServices(context, project);
        const bare = { project, services, versions: new Map(), unversioned: new Set<string>() };
        await withAnswers(context, bare);
        for (const { message, position } of project.warnings) warn(message, position);
        const named = permittedReferences(context, project, services).map(
          ({ reference }) => reference,
        );
        const references = [...services.values()].flatMap(({ bindings }) => bindings).length;
        const valid = `Valid: project ${project.name}, ${count(services.size, "service")}, ${count(references, "reference")}.`;
        print(session, style.green(valid));
        if (offline || named.length === 0) return;
        const surveyed = await survey(context, named, session.signal);
        print(session, `\n${surveyBlock(surveyed, style)}`);
        const faults = surveyed.flatMap(({ error, secrets }) => [
          error,
          ...secrets.map((one) => one.error),
        ]);
        if (faults.some((error) => error !== undefined)) session.exitCode = 1;
      }),
    );
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
