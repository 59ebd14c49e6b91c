import type { Command } from "commander";
import { DsoError } from "../model/errors.ts";
import type { Context } from "../reconciler/context.ts";
import { loadModel } from "../reconciler/load.ts";
import type { RegisteredProject } from "../reconciler/state.ts";
import { suggest } from "../model/suggest.ts";
import { projectFlags } from "./flags.ts";
import { projectRequest } from "./request.ts";
import type { Session } from "./session.ts";

/** What `-p` says, else the name of the compose files at hand. */
export async function projectName(
  context: Context,
  session: Session,
  command: Command,
): Promise<string> {
  return (
    projectFlags(command).projectName ??
    (await loadModel(context, await projectRequest(session, command), session.signal)).name
  );
}

/** Of a project that dso.yaml names, or that was applied. Rejects with `usage` for any other. */
export async function trackedName(
  context: Context,
  session: Session,
  command: Command,
): Promise<string> {
  const name = await projectName(context, session, command);
  if (context.config.projects.has(name)) return name;
  return (await registeredProject(context, session, command)).name;
}

/** The project of that name. Rejects with `usage` where it was never applied, or taken down since. */
export async function registeredProject(
  context: Context,
  session: Session,
  command: Command,
): Promise<RegisteredProject> {
  const name = await projectName(context, session, command);
  const known = await context.state.projects();
  const found = known.find((project) => project.name === name);
  if (found !== undefined) return found;
  const near = suggest(
    name,
    known.map((project) => project.name),
  );
  throw new DsoError("usage", `Project ${name} was not applied by this user, or was taken down.`, {
    hint: near === undefined ? "dso status lists the projects." : `Did you mean "${near}"?`,
  });
}
