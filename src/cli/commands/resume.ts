import type { Command } from "commander";
import { addProjectFlags } from "../flags.ts";
import { registeredProject } from "../registered.ts";
import { withContext } from "../request.ts";
import { print, type Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(command).action(() =>
    withContext(session, command, async (context) => {
      const { name } = await registeredProject(context, session, command);
      const hold = await context.state.hold(name);
      if (hold === undefined) {
        print(session, `Project ${name} is not held.`);
        return;
      }
      await context.state.setHold(name, undefined);
      print(session, `Project ${name} is no longer held. What changed meanwhile: dso plan`);
    }),
  );
}
