/**
 * Runs inside `script/engine`, on a disk of its own: a whole life of a project, watched. Takes
 * the values as JSON from its input, gives what it saw as JSON on its output, and no value.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { startAgent } from "../agency.ts";
import { createHome } from "../cli.ts";
import { ensureTestImage } from "../image.ts";
import { errorPaths, refusals, withoutShim } from "./errors.ts";
import { attempt, dso, exportAll, type Life } from "./life.ts";
import { compose } from "./project.ts";
import type { Values } from "./values.ts";
import { startWatch } from "./watch.ts";

export interface Report {
  readonly findings: readonly string[];
  readonly looked: Readonly<Record<string, number>>;
  readonly engine: string;
  /** What the failing rotations said, by what was to be delivered. */
  readonly failures: Readonly<Record<string, string>>;
  /** How often the engine was told a value, and said so in what it refused. */
  readonly quoted: number;
}

async function hunt(values: Values): Promise<Report> {
  await mkdir("/var/tmp/other");
  const image = await ensureTestImage("http");
  await using home = await createHome();
  const project = await home.project({ "compose.yaml": compose(image) }, "leak");
  const watch = startWatch(home, values);
  const life = { home, project, watch, values };
  const since = new Date().toISOString();
  const failures = await live(life);
  const quoted = await refusals(life, image);
  const shelled = await withoutShim(life, image);
  await writeFile(join(home.path, "planted"), values.planted);
  await dso(life, "down");
  const until = new Date().toISOString();
  const format = ["--format", "{{json .}}"];
  const events = ["events", "--since", since, "--until", until, ...format];
  watch.look("events", (await home.run("docker", events)).stdout);
  await watch.stop();
  const version = ["version", "--format", "{{.Server.Version}}"];
  const engine = (await home.run("docker", version)).stdout.trim();
  const findings = watch.findings();
  return { findings, looked: watch.looked(), engine, failures: { ...failures, shelled }, quoted };
}

async function live(life: Life): Promise<Report["failures"]> {
  const { values } = life;
  const set = (name: string, input: string, status = 0): Promise<string> =>
    dso(life, `secret set app/${name}`, { input, status });
  await set("password", values.password1);
  const others = [
    "token",
    "half",
    "part",
    "certificate",
    "quiet",
    "spoken",
    "doubtful",
    "sealed",
    "exposed",
  ];
  for (const name of others) await set(name, values[name as keyof Values]);
  for (const args of ["validate", "plan", "plan -json", "compose config", "plan -out=first.plan"])
    await dso(life, args);
  for (const args of ["show first.plan", "show -json first.plan", "apply -json first.plan"])
    await dso(life, args);
  await dso(life, "plan -detailed-exitcode");
  for (const service of ["web", "sealed", "built"]) await exportAll(life, service);
  const printed = await rawLog(life, "talker");
  await set("password", values.password2);
  const failures = {
    printed: String(printed.includes(values.spoken)),
    quiet: await set("quiet", values.quietBad, 1),
    spoken: await set("spoken", values.spokenBad, 1),
    doubtful: await set("doubtful", values.doubtfulBad, 1),
    agent: await underAgent(life),
    apply: await dso(life, "apply -auto-approve -json", { status: 1 }),
  };
  for (const args of ["status", "status --json", "history", "drift", "logs", "secret list"])
    await dso(life, args);
  for (const args of ["secret history app/password", "secret uses app/password"])
    await dso(life, args);
  await dso(life, "exec web -- stat -L -c %a:%u:%g /etc/app/certificate /run/secrets/token");
  await dso(life, "exec sealed -- true");
  await dso(life, "run --rm --no-deps web -- ls /run/secrets");
  await dso(life, "run --rm --no-deps sealed -- true");
  for (const service of ["web", "sealed"]) await exportAll(life, service);
  await errorPaths(life);
  return failures;
}

/** As the engine keeps it: the control of what DSO takes out. */
async function rawLog({ home, project }: Life, service: string): Promise<string> {
  return (await home.run("docker", ["logs", `${project.name}-${service}-1`])).stdout;
}

/** An agent that tells each step, and a program that it starts with what makes it crash. */
async function underAgent(life: Life): Promise<string> {
  const { home, project, watch, values } = life;
  await using agent = await startAgent(home, project);
  // Its exit code is that of the agent's work, where that ends while it is watched.
  await attempt(life, "secret set app/sealed", { input: values.sealedBad });
  await agent.said("ROTATION ROLLBACK");
  for (const args of ["status", "status --json"]) await dso(life, args);
  await agent.stop("SIGTERM");
  const log = JSON.stringify(agent.log());
  watch.look("agent", log);
  return log;
}

const values = JSON.parse(await text(process.stdin)) as Values;
try {
  process.stdout.write(JSON.stringify(await hunt(values)));
} catch (error) {
  // What failed first is the cause of what failed when all was taken down.
  const both: readonly unknown[] =
    error instanceof SuppressedError ? [error.suppressed, error.error] : [error];
  process.stderr.write(`${both.map(String).join("\n")}\n`);
  throw error;
}
