/**
 * Somebody else at work in the middle of a rotation, on the real engine: `docker stop`, `docker rm -f`,
 * `docker network rm` and Docker Compose. One more run and no person make the service whole, and nothing is left over.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { applyWatched } from "./steps.ts";
import { chosen, seed } from "./sample.ts";
import { answerOf, expectNothingLeft, stayConnected } from "./witness.ts";

type Method = "blue-green" | "stop-first";

/** Milliseconds that one may take on a busy machine. */
const LONG = 300_000;

/** Leaves a row wherever it writes, and serves only while the gate is open: nobody can be too late to come in between. */
const SCRIPT = `
test ! -d /data || echo $VERSION >> /data/rows
echo $VERSION > /www/index.html
while test -e /gate/shut; do sleep 0.2; done
exec /bin/serve`;

let home: Home;
let image: string;

beforeAll(async () => {
  image = await ensureTestImage("http");
  home = await createHome();
  await home.setSecret("app/password", "first-value-1234");
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

function compose(method: Method, version: string): string {
  const data = method === "stop-first" ? ["data:/data"] : [];
  const volumes = JSON.stringify(["./gate:/gate:ro", ...data]);
  return `services:
  web:
    image: ${image}
    command: [sh, -c, ${JSON.stringify(SCRIPT.replaceAll("$", "$$$$"))}]
    restart: always
    stop_grace_period: 1s
    environment: { VERSION: "${version}", PASSWORD_FILE: dsofile://app/password }
    x-dso: { health: { http: { port: 8080, path: / } } }
    volumes: ${volumes}
  client: { image: "${image}", command: [/bin/idle], restart: always }
${method === "stop-first" ? "volumes: { data: {} }" : ""}
`;
}

async function webs(project: Project, ...only: readonly string[]): Promise<readonly string[]> {
  const label = (name: string, value: string): string =>
    `label=com.docker.compose.${name}=${value}`;
  const filters = [label("project", project.name), label("service", "web"), ...only];
  const argv = ["ps", "-aq", "--no-trunc", ...filters.flatMap((one) => ["--filter", one])];
  return (await home.run("docker", argv)).stdout.split("\n").filter((id) => id !== "");
}

/** What somebody does who knows nothing of the run. */
type Deed = (project: Project, old: string, made: string) => Promise<unknown>;

const DEEDS: Readonly<Record<string, Deed>> = {
  "docker stop of the old one": (_, old) => home.run("docker", ["stop", "-t", "1", old]),
  "docker stop of the new one": (_, __, made) => home.run("docker", ["stop", "-t", "1", made]),
  "docker rm -f of the old one": (_, old) => home.run("docker", ["rm", "-f", old]),
  "docker rm -f of the new one": (_, __, made) => home.run("docker", ["rm", "-f", made]),
  "docker network rm": async ({ name }, old, made) => {
    for (const one of [old, made, `${name}-client-1`]) {
      await home.run("docker", ["network", "disconnect", "-f", `${name}_default`, one]);
    }
    await home.run("docker", ["network", "rm", `${name}_default`]);
  },
  // It may well stumble over what is done at the same time.
  "docker-compose up -d": (project) => project.newest("up -d").catch(() => undefined),
};

async function expectWhole(project: Project, method: Method, version: string): Promise<void> {
  await expectNothingLeft(home, project, method === "stop-first");
  expect(await answerOf(home, project, "web")).toBe(version);
  await project.dso("plan -detailed-exitcode", { status: 0 });
}

async function rowsOf(project: Project): Promise<readonly string[]> {
  const argv = ["exec", `${project.name}-web-1`, "cat", "/data/rows"];
  return (await home.run("docker", argv)).stdout.trim().split("\n");
}

const MOMENTS = [
  { method: "blue-green", step: "await-health" },
  { method: "blue-green", step: "drain-old" },
  { method: "stop-first", step: "await-health" },
] as const;

/** Of the deeds; another choice with each run, all of them with DSO_KILL_MATRIX=all. */
const SAMPLE = 2;

beforeAll(() => {
  process.stdout.write(`what others do meanwhile: DSO_SEED=${seed}\n`);
});

describe.each(MOMENTS)("$method, at $step", ({ method, step }) => {
  let project: Project;

  afterEach(async () => {
    await project.dso("down");
  });

  test.each(chosen(Object.keys(DEEDS), SAMPLE))(
    "%s",
    async (what) => {
      const files = { "compose.yaml": compose(method, "v1"), "gate/open": "" };
      project = await home.project(files, "meddle");
      await project.dso("up -d --wait");
      const [old = ""] = await webs(project);
      await project.write("compose.yaml", compose(method, "v2"));
      if (step === "await-health") await project.write("gate/shut", "");
      else await stayConnected(home, project);
      const run = applyWatched(home, project);
      expect(await run.reaches(step)).toBe(true);
      const made = (await webs(project)).find((id) => id !== old) ?? "";
      await DEEDS[what]?.(project, old, made);
      await rm(join(project.dir, "gate/shut"), { force: true });
      const { status, text } = await run.ended;
      expect([0, 1], text).toContain(status);
      expect(text).not.toMatch(/"code":"internal"|TypeError/);
      expect(await webs(project, "status=running"), text).not.toEqual([]);
      await project.dso("up -d --wait");
      await expectWhole(project, method, "v2");
      if (method === "stop-first") expect((await rowsOf(project))[0]).toBe("v1");
    },
    LONG,
  );
});
