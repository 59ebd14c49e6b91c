/**
 * The engine is ended by SIGKILL in the middle of a rotation, and comes back: DSO says what is wrong and
 * ends, and one more run and no person make the service whole. A sample of the steps that changes with
 * each run; all of them with DSO_KILL_MATRIX=all (`npm run kill-matrix`).
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { createOwnEngine, type OwnEngine } from "./ownEngine.ts";
import { chosen, seed } from "./sample.ts";
import { applyWatched } from "./steps.ts";
import { answerOf, expectNothingLeft } from "./witness.ts";

const SAMPLE = 3;
/** Milliseconds that one may take on a busy machine. */
const LONG = 300_000;

type Method = "blue-green" | "stop-first";

const STEPS = {
  "blue-green": [
    ...["create-new", "start-new", "await-health", "give-aliases", "verify-answer"],
    ...["take-aliases", "detach-old", "rename-old", "rename-new", "set-policy"],
    ...["drain-old", "stop-old", "remove-old", "drop-generation"],
  ],
  "stop-first": [
    ...["create-new", "detach-old", "stop-old", "rename-old", "rename-new", "start-new"],
    ...["await-health", "set-policy", "remove-old", "drop-generation"],
  ],
} as const;

const CASES = (["blue-green", "stop-first"] as const).flatMap((method) =>
  STEPS[method].map((step) => ({ method, step })),
);

let engine: OwnEngine;
let home: Home;
let image: string;
let project: Project;

/** Leaves a row wherever it writes. */
const SCRIPT = `
test ! -d /data || echo $VERSION >> /data/rows
echo $VERSION > /www/index.html; sleep 1; exec /bin/serve`;

function compose(method: Method, version: string): string {
  const writes = method === "stop-first";
  return `services:
  web:
    image: ${image}
    command: [sh, -c, ${JSON.stringify(SCRIPT.replaceAll("$", "$$$$"))}]
    restart: always
    environment: { VERSION: "${version}", PASSWORD_FILE: dsofile://app/password }
    x-dso: { health: { http: { port: 8080, path: / } }, drain: 3s }
    ${writes ? "volumes: ['data:/data']" : ""}
  client: { image: "${image}", command: [/bin/idle], restart: always }
${writes ? "volumes: { data: {} }" : ""}
`;
}

async function expectWhole(project: Project, method: Method): Promise<void> {
  await expectNothingLeft(home, project, method === "stop-first");
  expect(await answerOf(home, project, "web")).toBe("v2");
  const format = ["inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}"];
  const { stdout } = await home.run("docker", [...format, `${project.name}-web-1`]);
  expect(stdout.trim()).toBe("always");
}

describe.skipIf(process.getuid?.() !== 0)("an engine that is killed", () => {
  beforeAll(async () => {
    process.stdout.write(`kills of the engine: DSO_SEED=${seed}\n`);
    engine = await createOwnEngine();
    await engine.start();
    // Of this file alone: all that runs from here on works with that engine.
    process.env["DOCKER_HOST"] = engine.host;
    image = await ensureTestImage("http");
    home = await createHome();
    await home.setSecret("app/password", "first-value-1234");
  });

  afterAll(async () => {
    try {
      await home[Symbol.asyncDispose]();
    } finally {
      await engine[Symbol.asyncDispose]();
    }
  });

  afterEach(async () => {
    // Also where a test ended before that.
    await engine.start();
    await dso(project, "down -v");
  });

  const dso = (project: Project, args: string) => {
    const [program = "", ...rest] = [...engine.within, "dso", ...args.split(" ")];
    return home.run(program, rest, { cwd: project.dir });
  };

  test.each(chosen(CASES, SAMPLE))(
    "at $step of $method",
    async ({ method, step }) => {
      project = await home.project({ "compose.yaml": compose(method, "v1") }, "killed");
      await dso(project, "up -d --wait");
      await project.write("compose.yaml", compose(method, "v2"));
      const run = applyWatched(home, project, engine.within);
      expect(await run.reaches(step)).toBe(true);
      await engine.kill();
      const { status, text } = await run.ended;
      // Who had heard the last answer already is done.
      if (status !== 0) {
        expect(text).toMatch(/no Docker engine at unix:/i);
        expect(text).toMatch(/Once it answers, run the command again/);
      }
      await engine.start();
      await dso(project, "up -d --wait");
      await expectWhole(project, method);
      if (method === "stop-first") {
        const argv = ["exec", `${project.name}-web-1`, "cat", "/data/rows"];
        expect((await home.run("docker", argv)).stdout).toMatch(/^v1\n/);
      }
      await dso(project, "plan -detailed-exitcode");
    },
    LONG,
  );
});
