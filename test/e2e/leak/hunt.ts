/**
 * Runs inside `script/engine`, on a disk of its own: a whole life of a project, watched. Takes
 * the values as JSON from its input, gives what it saw as JSON on its output, and no value.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createHome, type Home, type Project, type RunOptions } from "../cli.ts";
import { ensureTestImage } from "../image.ts";
import type { Values } from "./values.ts";
import { startWatch, type Watch } from "./watch.ts";

export interface Report {
  readonly findings: readonly string[];
  readonly looked: Readonly<Record<string, number>>;
  /** What the failing rotations said. */
  readonly failures: readonly string[];
}

/** Fails, showing what it was given, where that begins with "bad-". */
const PICKY = 'grep -q ^bad- "$$FILE" && { cat "$$FILE"; exit 3; }; exec /bin/idle';

function compose(image: string): string {
  return `services:
  web:
    image: ${image}
    user: "1000"
    command: [sh, -c, 'cat "$$PASSWORD_FILE" >/dev/null && exec /bin/serve']
    environment:
      PASSWORD_FILE: dsofile://app/password
      CERTIFICATE: dsofile://app/certificate?target=/etc/app/certificate&mode=0440&uid=1000&gid=1001
    secrets: [token]
    configs: [{ source: settings, target: /run/secrets/settings }]
    healthcheck: { test: [CMD-SHELL, "test -s $$PASSWORD_FILE && wget -q -O /dev/null http://127.0.0.1:8080/"], interval: 1s }
    volumes: [data:/data]
  quiet:
    image: ${image}
    environment: { FILE: dsofile://app/quiet }
    command: [sh, -c, '${PICKY}']
    logging: { driver: none }
  talker:
    image: ${image}
    environment: { FILE: dsofile://app/spoken }
    command: [sh, -c, 'cat "$$FILE"; ${PICKY}']
  control:
    image: ${image}
    environment: { EXPOSED: dso://app/exposed }
    x-dso: { env: exposed }
    command: [/bin/idle]
secrets:
  token: { external: true, name: dso://app/token }
configs:
  settings: { content: "url=postgres://app:{{dso://app/half}}@db/shop" }
volumes: { data: {} }
`;
}

async function hunt(values: Values): Promise<Report> {
  await mkdir("/var/tmp/other");
  const image = await ensureTestImage("http");
  await using home = await createHome();
  const project = await home.project({ "compose.yaml": compose(image) }, "leak");
  const watch = startWatch(home, values);
  const since = new Date().toISOString();
  const failures = await live({ home, project, watch, values });
  const until = new Date().toISOString();
  const format = ["--format", "{{json .}}"];
  const events = ["events", "--since", since, "--until", until, ...format];
  watch.look("events", (await home.run("docker", events)).stdout);
  await watch.stop();
  return { findings: watch.findings(), looked: watch.looked(), failures };
}

interface Life {
  readonly home: Home;
  readonly project: Project;
  readonly watch: Watch;
  readonly values: Values;
}

/** What DSO prints is looked at, and what it wrote is made to reach the disk. */
async function dso(
  { home, project, watch }: Life,
  args: string,
  options: RunOptions = {},
): Promise<string> {
  const environment = { TMPDIR: "/var/tmp/other" };
  const { stdout, stderr } = await project.dso(args, { ...options, environment });
  watch.look("output", `${stdout}\n${stderr}`);
  await watch.inspect();
  await watch.lookBelow("home", home.path);
  await watch.lookBelow("temporary", "/var/tmp/other");
  await home.run("sync", ["-f", "/var/tmp"]);
  return `${stdout}\n${stderr}`;
}

async function live(life: Life): Promise<readonly string[]> {
  const { values } = life;
  const set = (name: string, input: string, status = 0): Promise<string> =>
    dso(life, `secret set app/${name}`, { input, status });
  await set("password", values.password1);
  await set("token", values.token);
  await set("half", values.half);
  await set("certificate", values.certificate);
  await set("quiet", values.quiet);
  await set("spoken", values.spoken);
  await set("exposed", values.exposed);
  for (const args of ["validate", "plan", "plan -json", "compose config", "plan -out=first.plan"])
    await dso(life, args);
  for (const args of ["show first.plan", "show -json first.plan", "apply -json first.plan"])
    await dso(life, args);
  await dso(life, "plan -detailed-exitcode");
  await exportAll(life, "web");
  await set("password", values.password2);
  const failures = [
    await set("quiet", values.quietBad, 1),
    await set("spoken", values.spokenBad, 1),
    await dso(life, "apply -auto-approve -json", { status: 1 }),
  ];
  for (const args of ["status", "status --json", "history", "drift", "logs", "secret list"])
    await dso(life, args);
  for (const args of ["secret history app/password", "secret uses app/password"])
    await dso(life, args);
  await dso(life, "exec web -- stat -L -c %a:%u:%g /etc/app/certificate /run/secrets/token");
  await dso(life, "run --rm --no-deps web -- ls /run/secrets");
  await exportAll(life, "web");
  await writeFile(join(life.home.path, "planted"), values.planted);
  await dso(life, "down");
  return failures;
}

/** What somebody gets who makes an image of the container, or a tar of its files. */
async function exportAll({ home, project, watch }: Life, service: string): Promise<void> {
  const container = `${project.name}-${service}-1`;
  const image = `${project.name}-snapshot`;
  await home.run("docker", ["commit", container, image]);
  await watch.inspect();
  watch.look("commit", (await home.run("docker", ["save", image])).stdout);
  watch.look("export", (await home.run("docker", ["export", container])).stdout);
  await home.run("docker", ["image", "rm", image]);
}

const values = JSON.parse(await text(process.stdin)) as Values;
process.stdout.write(JSON.stringify(await hunt(values)));
