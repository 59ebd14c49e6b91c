import type { Command } from "commander";
import { DsoError } from "../../../model/errors.ts";
import type { Context } from "../../../reconciler/context.ts";
import { describeServices, loadModel } from "../../../reconciler/load.ts";
import type { RegisteredProject } from "../../../reconciler/state.ts";
import { printable } from "../../render/style.ts";
import { withContext } from "../../request.ts";
import { servicesUsing, usersOfAny } from "../../rotate.ts";
import { print, type Session } from "../../session.ts";
import { localName, referenceNames } from "../../vault.ts";

export function define(command: Command, session: Session): void {
  command.argument("<name>").action((text: string) =>
    withContext(session, command, async (context) => {
      const { path } = localName(context, text);
      const names = new Set(referenceNames(context, path));
      const users = await usersOfAny(context, names);
      for (const project of users) {
        print(
          session,
          printable(`${project.name}: ${await describe(context, project, names, session)}`),
        );
      }
      if (users.length === 0) print(session, `No project that was applied here uses ${path}.`);
    }),
  );
}

async function describe(
  context: Context,
  project: RegisteredProject,
  names: ReadonlySet<string>,
  session: Session,
): Promise<string> {
  try {
    const model = await loadModel(context, project.request, session.signal);
    const services = servicesUsing({ services: describeServices(context, model) }, names);
    return services.join(", ") || "not any more; its files were changed since the last apply";
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    return `its files cannot be read: ${error.message}`;
  }
}
