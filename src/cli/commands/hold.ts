import type { Command } from "commander";
import { findAgent } from "../../agent/client.ts";
import { addProjectFlags } from "../flags.ts";
import { withContext } from "../request.ts";
import { print, type Session } from "../session.ts";
import { trackedName } from "../registered.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(command)
    .argument("[reason...]", "why, for whoever finds it held")
    .action((reason: readonly string[]) =>
      withContext(session, command, async (context) => {
        const name = await trackedName(context, session, command);
        const agent = await findAgent(context.paths.agentSocket, session.signal);
        const why = reason.join(" ");
        let busy = false;
        if (agent !== undefined) ({ busy } = await agent.hold(name, context.who, why));
        else {
          const since = new Date(context.clock.now()).toISOString();
          await context.state.setHold(name, { since, who: context.who, why });
        }
        print(session, `Project ${name} is held: changed secrets do not reach it by themselves.`);
        if (busy) print(session, "The agent is at work on it, and finishes that first.");
        print(session, "dso apply and dso up still work. Lift it with: dso resume");
      }),
    );
}
