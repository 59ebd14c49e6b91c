/** A request loop that runs beside what a test does. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT, type Home } from "./cli.ts";
import type { Loop } from "./requestLoop.ts";

export interface RunningLoop {
  /** Ends it and answers what it counted. */
  stop(): Promise<Loop>;
}

/** From within the network of the container, which the engine's name server serves. */
export async function startLoop(
  home: Home,
  container: string,
  ...args: readonly string[]
): Promise<RunningLoop> {
  const format = ["inspect", "--format", "{{.State.Pid}}", container];
  const pid = (await home.run("docker", format)).stdout.trim();
  const script = join(ROOT, "test/e2e/requestLoop.ts");
  const inNetwork = ["--target", pid, "--net", process.execPath, script, ...args];
  const child = spawn("nsenter", inNetwork, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  return {
    async stop() {
      child.kill("SIGTERM");
      await ended;
      return JSON.parse(text) as Loop;
    },
  };
}
