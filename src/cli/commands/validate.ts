import type { Command } from "commander";
import { notInRelease } from "../../config/notInRelease.ts";
import type { DsoError } from "../../model/errors.ts";
import { describeServices, loadModel } from "../../reconciler/load.ts";
import { addProjectFlags, projectFlags } from "../flags.ts";
import { place } from "../render/errors.ts";
import { printable, styleOf } from "../render/style.ts";
import { projectRequest, withContext } from "../request.ts";
import { print, type Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(command).action(() =>
    withContext(session, command, async (context) => {
      const request = await projectRequest(session, command);
      const project = await loadModel(context, request, session.signal);
      const services = describeServices(context, project);
      const references = [...services.values()].flatMap(({ bindings }) => bindings).length;
      const wanted = projectFlags(command).color ?? true;
      const style = styleOf(session.output, session.environment, wanted);
      const findings = [
        ...notInRelease(context.config).map(describe),
        ...project.warnings.map(({ message, position }) => ({ message, position })),
      ].map(({ message, position }) => {
        const where = position === undefined ? "" : ` (${place(position)})`;
        return `${style.yellow("Warning:")} ${printable(message)}${where}`;
      });
      const valid = `Valid: project ${project.name}, ${count(services.size, "service")}, ${count(references, "reference")}.`;
      print(session, [...findings, style.green(valid)].join("\n"));
    }),
  );
}

function describe({ message, hint, position }: DsoError): {
  readonly message: string;
  readonly position: DsoError["position"];
} {
  return { message: hint === undefined ? message : `${message}. ${hint}`, position };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
