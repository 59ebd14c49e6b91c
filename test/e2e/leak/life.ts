/** What the hunt does with a project, each step looked at from all sides. */
import type { Home, Project, RunOptions } from "../cli.ts";
import type { Values } from "./values.ts";
import type { Watch } from "./watch.ts";

export interface Life {
  readonly home: Home;
  readonly project: Project;
  readonly watch: Watch;
  readonly values: Values;
}

/** What DSO prints is looked at, and what it wrote is made to reach the disk. */
export async function dso(life: Life, args: string, options: RunOptions = {}): Promise<string> {
  const said = await attempt(life, args, options);
  const { home, watch } = life;
  await watch.inspect();
  await watch.lookBelow("home", home.path);
  await watch.lookBelow("temporary", "/var/tmp/other");
  await home.run("sync", ["-f", "/var/tmp"]);
  if (said.status !== (options.status ?? 0))
    throw new Error(`dso ${args}: ended with ${said.status}`);
  return said.text;
}

/** However it ends. */
export async function attempt(
  { project, watch }: Life,
  args: string,
  options: RunOptions = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const environment = { ...options.environment, TMPDIR: "/var/tmp/other" };
  const { status, stdout, stderr } = await project.dso(args, {
    ...options,
    environment,
    status: "any",
  });
  const text = `${stdout}\n${stderr}`;
  watch.look("output", text);
  return { status, text };
}

/** What somebody gets who makes an image of the container, or a tar of its files. */
export async function exportAll({ home, project, watch }: Life, service: string): Promise<void> {
  const container = `${project.name}-${service}-1`;
  const image = `${project.name}-snapshot`;
  await home.run("docker", ["commit", container, image]);
  await watch.inspect();
  const look = async (where: string, ...args: readonly string[]): Promise<void> =>
    watch.look(where, (await home.run("docker", args)).stdout);
  await look("history", "history", "--no-trunc", image);
  await look("commit", "save", image);
  await look("export", "export", container);
  await look("diff", "diff", container);
  await look("top", "top", container, "-eo", "pid,args");
  await home.run("docker", ["image", "rm", image]);
}
