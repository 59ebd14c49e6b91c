import { type Command, Option } from "commander";
import { addProjectFlags } from "../flags.ts";
import { withContext } from "../request.ts";
import type { Session } from "../session.ts";
import { type ConfigFlags, showConfig } from "../showConfig.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(command)
    .argument("[service...]", "only these, and what they need")
    .addOption(new Option("--format <format>", "yaml (default) or json").choices(["yaml", "json"]))
    .option("-q, --quiet", "only check")
    .option("-o, --output <file>", "into this file")
    .option("--services", "the names of the services")
    .option("--volumes", "the names of the volumes")
    .option("--networks", "the names of the networks")
    .option("--models", "the models that are used")
    .option("--images", "the images")
    .option("--profiles", "the profiles")
    .option("--hash <services>", "the config hash of these, or of all: '*'")
    .option("--variables", "the variables that the files ask for, with what stands in for them")
    .option("--environment", "what variables are replaced from; no secret is read")
    .option("--resolve-image-digests", "images by what their tags mean to the registries")
    .option("--lock-image-digests", "an override file of such images, and nothing else")
    .option("--no-consistency", "what does not fit together is shown all the same")
    .option("--no-env-resolution", "files of variables are named, not read")
    .option("--no-interpolate", "variables as they are written")
    .option("--no-normalize", "without what Compose adds: the default network, names, dependencies")
    .option("--no-path-resolution", "paths as they are written")
    .action((services: readonly string[], flags: ConfigFlags) =>
      withContext(session, command, (context) =>
        showConfig(session, context, { command, services, flags }),
      ),
    );
}
