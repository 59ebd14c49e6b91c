import type { Command } from "commander";
import { addProjectFlags } from "../flags.ts";
import { withContext } from "../request.ts";
import { print, type Session } from "../session.ts";
import { registeredProject } from "../registered.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(command)
    .argument("[reason...]", "why, for whoever finds it held")
    .action((reason: readonly string[]) =>
      withContext(session, command, async (context) => {
        const { name } = await registeredProject(context, session, command);
        await context.state.setHold(name, {
          since: new Date(context.clock.now()).toISOString(),
          who: context.who,
          why: reason.join(" "),
        });
        print(session, `Project ${name} is held: changed secrets do not reach it by themselves.`);
        print(session, "dso apply and dso up still work. Lift it with: dso resume");
      }),
    );
}
