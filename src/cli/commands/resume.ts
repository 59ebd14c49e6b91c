import type { Command } from "commander";
import { findAgent } from "../../agent/client.ts";
import { addProjectFlags } from "../flags.ts";
import { projectName } from "../registered.ts";
import { withContext } from "../request.ts";
import { print, type Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(command).action(() =>
    withContext(session, command, async (context) => {
      // By its name alone: one that was taken down is registered no more.
      const name = await projectName(context, session, command);
      const hold = await context.state.hold(name);
      if (hold === undefined) {
        print(session, `Project ${name} is not held.`);
        return;
      }
      const agent = await findAgent(context.paths.agentSocket, session.signal);
      if (agent === undefined) {
        await context.state.setHold(name, undefined);
        print(session, `Project ${name} is no longer held. What changed meanwhile: dso plan`);
        return;
      }
      await agent.resume(name);
      print(session, `Project ${name} is no longer held. The agent brings it up to date.`);
    }),
  );
}
