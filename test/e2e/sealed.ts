/** What a container's program is given, seen from this host, and what the engine tells of it. */
import { readFile, readlink } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, vi } from "vitest";
import type { Home, Project } from "./cli.ts";

/** A value that no place but the program's environment may hold, and one that is hard to write down. */
export const PLAIN = `plain 'value' "4711" $x\\ αβγ`;
export const TRICKY = `two\nlines "and" 'quotes' \\ $HOME \`id\` {{x}} \${y}\t#=\r; tricky-4712\n\n`;

export interface Running {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly ids: readonly string[];
  /** Its number within the container is 1. */
  readonly isFirst: boolean;
  readonly input: string;
  /** Masks of the signals that it blocks, ignores and catches. */
  readonly signals: readonly string[];
}

type State = Readonly<Record<"Status" | "ExitCode" | "Pid" | "OOMKilled", string | number>>;

export interface Inspected {
  readonly Id: string;
  readonly State: State & { readonly Health?: { readonly Status: string } };
  readonly RestartCount: number;
  readonly Config: Readonly<Record<string, unknown>> & {
    readonly Env: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
    readonly Entrypoint: readonly string[] | null;
  };
}

export const nameOf = (project: Project, service: string): string => `${project.name}-${service}-1`;

export async function inspect(home: Home, ...names: readonly string[]): Promise<Inspected[]> {
  return JSON.parse((await home.run("docker", ["inspect", ...names])).stdout) as Inspected[];
}

/** Of the service's container; with `init: true` of the program below it. */
export async function running(home: Home, project: Project, service: string): Promise<Running> {
  const [found] = await inspect(home, nameOf(project, service));
  const first = String(found?.State.Pid);
  const [argv0 = ""] = await words(first, "cmdline");
  const below = (await readFile(`/proc/${first}/task/${first}/children`, "utf8")).trim();
  return programOf(argv0.endsWith("docker-init") ? below : first);
}

/** A variable of the program, once it runs: whoever brings the variables there has none of them yet. */
export async function variableOf(
  home: Home,
  project: Project,
  service: string,
  name: string,
): Promise<string> {
  for (;;) {
    const { environment } = await running(home, project, service);
    if (environment[name] !== undefined) return environment[name];
    await sleep(50);
  }
}

/**
 * The same runs in a service and in its twin, once both run: a container that was started just now may not
 * have come to its program yet, nor that to its signals. Answers what runs.
 */
export async function expectTwins(
  home: Home,
  project: Project,
  service: string,
  seen: (one: Running) => Running = (one) => one,
): Promise<Running> {
  return vi.waitFor(
    async () => {
      const sealed = await running(home, project, service);
      expect(seen(sealed)).toEqual(seen(await running(home, project, `${service}-open`)));
      return sealed;
    },
    { timeout: 120_000, interval: 100 },
  );
}

/** By its number on this host; argv and environment as the kernel has them, bytes as latin1. */
async function programOf(pid: string): Promise<Running> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s+(.*)$`, "m").exec(status)?.[1] ?? "";
  const entries = (await words(pid, "environ")).map((entry): [string, string] => {
    const at = entry.indexOf("=");
    return [entry.slice(0, at), entry.slice(at + 1)];
  });
  return {
    argv: await words(pid, "cmdline"),
    environment: Object.fromEntries(entries.filter(([name]) => name !== "HOSTNAME")),
    directory: await readlink(`/proc/${pid}/cwd`),
    ids: ["Uid", "Gid", "Groups", "CapEff"].map(field),
    isFirst: field("NSpid").split(/\s+/).at(-1) === "1",
    input: (await readlink(`/proc/${pid}/fd/0`)).replace(/\d+/, "N"),
    signals: ["SigBlk", "SigIgn", "SigCgt"].map(field),
  };
}

async function words(pid: string, file: string): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/${file}`, "latin1")).split("\0").slice(0, -1);
}

export const latin1 = (text: string): string => Buffer.from(text).toString("latin1");

/** Which of the values the engine tells of the containers. */
export async function told(
  home: Home,
  names: readonly string[],
  values: readonly string[],
): Promise<readonly string[]> {
  const { stdout } = await home.run("docker", ["inspect", ...names]);
  return values.filter((value) => {
    const bytes = Buffer.from(value);
    const forms = [value, JSON.stringify(value).slice(1, -1), bytes.toString("base64")];
    return forms.some((form) => stdout.includes(form));
  });
}

/** The real Compose's `up` changes nothing, nor has DSO anything to do. */
export async function expectConverged(project: Project): Promise<void> {
  const before = await project.containers();
  const plan = await project.dso("plan -detailed-exitcode");
  expect(plan.stdout).toContain("No changes");
  await project.newest("up -d");
  expect(await project.containers()).toEqual(before);
}

/** JSON is YAML. */
export function composeOf(services: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ services });
}

/** Each service, and beside it its twin, which differs only in that its variables are exposed. */
export function withTwins(
  services: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(services).flatMap(([name, service]) => [
      [name, service],
      [`${name}-open`, { ...service, "x-dso": { ...(service["x-dso"] ?? {}), env: "exposed" } }],
    ]),
  );
}
