import { loadProject } from "../../src/compose/load.ts";
import type { ComposeProject } from "../../src/model/project.ts";

/** The model of a compose file that stands in a test; it is not written anywhere. */
export function projectOf(
  compose: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ComposeProject> {
  return loadProject(
    { cwd: "/", files: ["-"], stdin: compose, projectName: "shop", env, home: "/home/nobody" },
    AbortSignal.timeout(10_000),
  );
}
