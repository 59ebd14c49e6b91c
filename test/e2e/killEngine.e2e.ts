/**
 * The engine is ended by SIGKILL in the middle of a rotation, and comes back: DSO says what is wrong and
 * ends, and one more run and no person make the service whole. A sample of the steps that changes with
 * each run; all of them with DSO_KILL_MATRIX=all (`npm run kill-matrix`).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startAgent } from "./agency.ts";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { createOwnEngine, type OwnEngine } from "./ownEngine.ts";
import { chosen, seed } from "./sample.ts";
import { applyWatched } from "./steps.ts";
import { answerOf, expectNothingLeft, traceOf } from "./witness.ts";

const SAMPLE = 3;
/** Milliseconds that one may take on a busy machine. */
const LONG = 300_000;

type Method = "blue-green" | "stop-first" | "refresh";

const STEPS = {
  "blue-green": [
    ...["deliver", "create-new", "start-new", "await-health", "give-aliases", "verify-answer"],
    ...["take-aliases", "detach-old", "rename-old", "rename-new", "set-policy"],
    ...["drain-old", "stop-old", "remove-old", "drop-generation"],
  ],
  "stop-first": [
    ...["create-new", "detach-old", "stop-old", "rename-old", "rename-new", "start-new"],
    ...["await-health", "set-policy", "remove-old", "drop-generation"],
  ],
  refresh: ["swap-files", "send-signal", "await-health"],
} as const;

const CASES = (["blue-green", "stop-first", "refresh"] as const).flatMap((method) =>
  STEPS[method].map((step) => ({ method, step })),
);

const FIRST = "first-value-1234";

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
  const strategy = method === "refresh" ? "strategy: signal, signal: SIGURG, " : "";
  return `services:
  web:
    image: ${image}
    command: [sh, -c, ${JSON.stringify(SCRIPT.replaceAll("$", "$$$$"))}]
    restart: always
    environment: { VERSION: "${version}", PASSWORD_FILE: dsofile://app/password }
    x-dso: { ${strategy}health: { http: { port: 8080, path: / } }, drain: 3s }
    ${writes ? "volumes: ['data:/data']" : ""}
  client: { image: "${image}", command: [/bin/idle], restart: always }
${writes ? "volumes: { data: {} }" : ""}
`;
}

/** Asked within the container, so that it does not matter in which network the agent is. */
function watched(): string {
  const check = "test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:8080/'], interval: 1s";
  return compose("blue-green", "v1").replace(
    /x-dso: .*/,
    `healthcheck: { ${check} }\n    x-dso: { drain: 3s }`,
  );
}

async function expectWhole(project: Project, method: Method, password: string): Promise<void> {
  await expectNothingLeft(home, project, method === "stop-first");
  expect(await answerOf(home, project, "web")).toBe(method === "refresh" ? "v1" : "v2");
  const read = ["exec", `${project.name}-web-1`, "cat", "/run/secrets/app/password"];
  expect((await home.run("docker", read)).stdout).toBe(password);
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
  });

  beforeEach(() => store(FIRST));

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

  const store = async (value: string): Promise<void> => {
    await home.run("dso", ["secret", "set", "--no-apply", "app/password"], { input: value });
  };

  const dso = (project: Project, args: string) => {
    const [program = "", ...rest] = [...engine.within, "dso", ...args.split(" ")];
    return home.run(program, rest, { cwd: project.dir });
  };

  test.each(chosen(CASES, SAMPLE))(
    "at $step of $method",
    async ({ method, step }) => {
      project = await home.project({ "compose.yaml": compose(method, "v1") }, "killed");
      await dso(project, "up -d --wait");
      const password = `value-for-${method}-at-${step}`;
      if (method === "refresh") await store(password);
      else await project.write("compose.yaml", compose(method, "v2"));
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
      await expectWhole(project, method, method === "refresh" ? password : FIRST);
      if (method === "stop-first") {
        const argv = ["exec", `${project.name}-web-1`, "cat", "/data/rows"];
        expect((await home.run("docker", argv)).stdout).toMatch(/^v1\n/);
      }
      await dso(project, "plan -detailed-exitcode");
    },
    LONG,
  );

  test(
    "under an agent, which goes on by itself once it is back",
    async () => {
      project = await home.project({ "compose.yaml": watched() }, "killed");
      await dso(project, "up -d --wait");
      await using agent = await startAgent(home, project);
      const [step] = chosen(["await-health", "take-aliases", "drain-old", "stop-old"], 1);
      await store("value-that-the-agent-brings");
      // From its log: who looks at the journal now and then misses a step that is short.
      await agent.said(`Step ${step ?? ""}`);
      await engine.kill();
      await agent.said(/^Engine lost/);
      await engine.start();
      await agent.said("Engine connected");
      await delivered("value-that-the-agent-brings");
      await agent.stop("SIGTERM");
      await expectNothingLeft(home, project, false);
      await dso(project, "plan -detailed-exitcode");
    },
    LONG,
  );

  /**
   * Until the one container that is left reads this, and the rotation is over, which goes on for a moment
   * after that; the test's own time limit ends it otherwise.
   */
  async function delivered(value: string): Promise<void> {
    const name = `${project.name}-web-1`;
    for (;;) {
      const left = await project.left();
      if (left.length === 3 && left.includes(`container ${name}`)) {
        // It may be replaced just now.
        const read = home.run("docker", ["exec", name, "cat", "/run/secrets/app/password"]);
        const isRead = (await read.catch(() => undefined))?.stdout === value;
        const { generations, openRotations } = await traceOf(home, project);
        if (isRead && openRotations.length === 0 && generations.length === 2) return;
      }
      await sleep(500);
    }
  }
});
