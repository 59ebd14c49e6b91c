import type { Command } from "commander";
import { DsoError } from "../../model/errors.ts";
import { findAgent } from "../../agent/client.ts";
import { askAgent } from "../askAgent.ts";
import { withContext } from "../request.ts";
import type { Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  command
    .argument("[project...]", "only these; else all that the agent looks after")
    .option("-c, --config <file>", "dso.yaml to use")
    .action((names: readonly string[]) =>
      withContext(session, command, async ({ paths }) => {
        const agent = await findAgent(paths.agentSocket, session.signal);
        if (agent === undefined) throw noAgent(paths.agentSocket);
        const { projects } = await agent.status();
        const chosen = names.length > 0 ? names : projects.map(({ name }) => name);
        for (const name of chosen) {
          const went = await askAgent(agent, session, name, true);
          if (!went) session.exitCode = 1;
        }
      }),
    );
}

function noAgent(path: string): DsoError {
  return new DsoError("usage", `No agent listens at ${path}.`, {
    hint: "Start one with dso agent, or do it yourself: dso apply.",
  });
}
