import type { Command } from "commander";
import { addProjectFlags, addRunFlags, collect, type RunFlags } from "../flags.ts";
import { withContext } from "../request.ts";
import { type OneOffFlags, runOnce } from "../runOnce.ts";
import type { Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(addRunFlags(command), { short: false })
    .argument("<service>")
    .argument("[command...]", "instead of the service's own")
    .option("-d, --detach", "leave it running and come back with its name")
    .option("-e, --env <name=value>", "set a variable; may be given again", collect)
    .option("--entrypoint <program>", "instead of the image's")
    .option("--name <name>", "of the container")
    .option("--no-deps", "do not start what the service needs")
    .option("--rm", "remove the container when it has ended")
    .option("--service-ports", "publish the service's ports")
    .option("-T, --no-tty", "without a terminal")
    .option("--use-aliases", "let others find it by the service's names")
    .option("-u, --user <user>", "as this user")
    .option("-w, --workdir <path>", "in this directory")
    .action((service: string, words: readonly string[], flags: OneOffFlags & RunFlags) =>
      withContext(session, command, (context) =>
        runOnce(context, session, command, {
          service,
          words: words[0] === "--" ? words.slice(1) : words,
          flags,
        }),
      ),
    );
}
