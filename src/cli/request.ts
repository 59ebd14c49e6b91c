import type { Command } from "commander";
import { isAbsolute, resolve } from "node:path";
import { decodeText } from "../compose/text.ts";
import type { Context } from "../reconciler/context.ts";
import type { ProjectRequest } from "../reconciler/request.ts";
import { projectFlags } from "./flags.ts";
import { readAll } from "./input.ts";
import type { Session } from "./session.ts";

/** Opens what the command needs, and closes it whatever happens. */
export async function withContext<T>(
  session: Session,
  command: Command,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const context = await session.connect({ configFile: projectFlags(command).config });
  try {
    return await work(context);
  } finally {
    await Promise.all([context.engine.close(), context.providers.close()]);
  }
}

/** Which project the flags mean; reads standard input where a file is `-`. */
export async function projectRequest(
  session: Session,
  command: Command,
  services: readonly string[] = [],
): Promise<ProjectRequest> {
  const flags = projectFlags(command);
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(session.cwd, path));
  const files = flags.file ?? [];
  const profiles = flags.profile ?? [];
  return {
    cwd: session.cwd,
    files: files.map((file) => (file === "-" ? file : absolute(file))),
    stdin: files.includes("-") ? await readStdin(session) : undefined,
    projectName: flags.projectName,
    projectDirectory:
      flags.projectDirectory === undefined ? undefined : absolute(flags.projectDirectory),
    profiles: profiles.length === 0 ? undefined : profiles,
    environmentFiles: (flags.envFile ?? []).map(absolute),
    variables: undefined,
    services,
  };
}

async function readStdin(session: Session): Promise<string> {
  return decodeText("standard input", "the compose file", await readAll(session));
}
