import type { Command } from "commander";
import { DsoError } from "../model/errors.ts";
import type { Context } from "../reconciler/context.ts";
import { loadModel } from "../reconciler/load.ts";
import type { RegisteredProject } from "../reconciler/state.ts";
import { suggest } from "../lib/suggest.ts";
import { projectFlags } from "./flags.ts";
import { projectRequest } from "./request.ts";
import type { Session } from "./session.ts";

/** The project that `-p` names, else the one of the compose files at hand. Rejects with `usage` where it was never applied. */
export async function registeredProject(
  context: Context,
  session: Session,
  command: Command,
): Promise<RegisteredProject> {
  const name =
    projectFlags(command).projectName ??
    (await loadModel(context, await projectRequest(session, command), session.signal)).name;
  const known = await context.state.projects();
  const found = known.find((project) => project.name === name);
  if (found !== undefined) return found;
  const near = suggest(
    name,
    known.map((project) => project.name),
  );
  throw new DsoError("usage", `Project ${name} was never applied by this user.`, {
    hint: near === undefined ? "dso status lists the projects." : `Did you mean "${near}"?`,
  });
}
