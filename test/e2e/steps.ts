/** A run of DSO whose steps are watched while it goes on. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Home, Project } from "./cli.ts";

export interface WatchedRun {
  /** Resolves when a rotation is about to do this step; false where the run ends without. */
  readonly reaches: (step: string) => Promise<boolean>;
  /** Ends it at once, as nobody can refuse. */
  readonly kill: () => void;
  readonly ended: Promise<{ readonly status: number | null; readonly text: string }>;
}

/** `dso apply`, its stream read line by line; `within` are words to run it with. */
export function applyWatched(
  home: Home,
  project: Project,
  within: readonly string[] = [],
): WatchedRun {
  const [program, ...argv] = [...within, "dso", "apply", "-auto-approve", "-json"];
  const { environment: env } = home;
  const child = spawn(program, argv, {
    cwd: project.dir,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const seen = new Set<string>();
  const waiting = new Map<string, (reached: boolean) => void>();
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    const { step } = JSON.parse(line) as { readonly step?: string };
    if (step === undefined) return;
    seen.add(step);
    waiting.get(step)?.(true);
  });
  const ended = endOf(child).then((status) => {
    for (const tell of waiting.values()) tell(false);
    return { status, text: lines.join("\n") };
  });
  const reaches = (step: string): Promise<boolean> =>
    seen.has(step) ? Promise.resolve(true) : new Promise((resolve) => waiting.set(step, resolve));
  const kill = (): void => void child.kill("SIGKILL");
  return { reaches, kill, ended };
}

function endOf(child: ChildProcessByStdio<null, Readable, null>): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
}
