import type { Command } from "commander";
import { notInRelease } from "../../config/notInRelease.ts";
import type { DsoError, Position } from "../../model/errors.ts";
import { describeServices, loadModel, permittedReferences } from "../../reconciler/load.ts";
import { addProjectFlags, projectFlags } from "../flags.ts";
import { place } from "../render/errors.ts";
import { printable, styleOf } from "../render/style.ts";
import { projectRequest, withContext } from "../request.ts";
import { print, type Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(command).action(() =>
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
      for (const { message, position } of project.warnings) warn(message, position);
      permittedReferences(context, project, services);
      const references = [...services.values()].flatMap(({ bindings }) => bindings).length;
      const valid = `Valid: project ${project.name}, ${count(services.size, "service")}, ${count(references, "reference")}.`;
      print(session, style.green(valid));
    }),
  );
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
