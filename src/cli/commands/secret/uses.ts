import type { Command } from "commander";
import type { AgentStatus } from "../../../agent/control.ts";
import { findAgent } from "../../../agent/client.ts";
import { DsoError } from "../../../model/errors.ts";
import { type SecretId, secretName } from "../../../model/reference.ts";
import type { Context } from "../../../reconciler/context.ts";
import { describeServices, loadModel } from "../../../reconciler/load.ts";
import type { RegisteredProject } from "../../../reconciler/state.ts";
import { survey } from "../../../reconciler/survey.ts";
import { contact, surveyBlock } from "../../render/stores.ts";
import { printable, styleOf } from "../../render/style.ts";
import { withContext } from "../../request.ts";
import { servicesUsing, usersOfAny } from "../../rotate.ts";
import { print, type Session } from "../../session.ts";
import { namesOf, secretNamed } from "../../vault.ts";

export function define(command: Command, session: Session): void {
  command
    .argument("<name>", "of the default store, or with a store's name: vault:app/db")
    .action((text: string) =>
      withContext(session, command, async (context) => {
        const id = secretNamed(context, text);
        const style = styleOf(session.output, session.environment);
        print(session, surveyBlock(await survey(context, [id], session.signal), style));
        const agent = await findAgent(context.paths.agentSocket, session.signal);
        const status = await agent?.status();
        if (status !== undefined) print(session, toldTo(status, id, context));
        const users = await usersOfAny(context, namesOf(context, id));
        for (const project of users) {
          const line = `${project.name}: ${await describe(context, project, id, session)}`;
          print(session, printable(line));
        }
        if (users.length === 0) {
          print(session, printable(`No project that was applied here uses ${secretName(id)}.`));
        }
      }),
    );
}

/** What the agent last heard of the store. */
function toldTo({ providers }: AgentStatus, { provider }: SecretId, context: Context): string {
  const { config, clock } = context;
  if (config.providers.get(provider)?.remote !== true) return "The agent watches it.";
  const known = providers.find(({ name }) => name === provider);
  const at = new Date(clock.now()).toISOString();
  return printable(`Asked by the agent: ${contact(known, at)}.`);
}

async function describe(
  context: Context,
  project: RegisteredProject,
  id: SecretId,
  session: Session,
): Promise<string> {
  const given = await lastGiven(context, project.name, id);
  try {
    const model = await loadModel(context, project.request, session.signal);
    const services = describeServices(context, model);
    const named = servicesUsing({ services }, namesOf(context, id)).join(", ");
    return named === ""
      ? "not any more; its files were changed since the last apply"
      : `${named}${given}`;
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    return `its files cannot be read: ${error.message}`;
  }
}

/** The version that the last apply went through with. */
async function lastGiven(context: Context, project: string, id: SecretId): Promise<string> {
  const history = await context.state.history(project);
  const applied = history.find(({ outcome }) => outcome === "applied");
  const name = [...namesOf(context, id)].find((one) => applied?.versions[one] !== undefined);
  const version = applied?.versions[name ?? ""];
  return version === undefined ? "" : ` (given version ${version} at ${applied?.at ?? ""})`;
}
