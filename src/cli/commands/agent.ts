import type { Command } from "commander";
import type { Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  command
    .option("-c, --config <file>", "dso.yaml to use")
    .action(async ({ config }: { readonly config?: string }) => {
      const { runAgent } = await import("../../agent/agent.ts");
      const { createSink } = await import("../../agent/sink.ts");
      const log = await createSink(session.output, session.environment["DSO_LOG"] === "debug");
      const { signal, force } = session;
      await runAgent({
        connect: (before) =>
          session.connect({ configFile: config, stays: true, before: before?.cache }),
        log,
        signal,
        force,
      });
    });
}
