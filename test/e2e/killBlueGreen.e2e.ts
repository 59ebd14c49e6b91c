/**
 * SIGKILL at calls of a blue-green replacement, while somebody asks the service: no request fails,
 * and one more run and no person finish or undo it. A sample that changes with each run; all of it
 * with DSO_KILL_MATRIX=all (`npm run kill-matrix`).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { createKiller, type Killer } from "./killing.ts";
import { startLoop } from "./loop.ts";
import { chosen, killsOf, seed } from "./sample.ts";
import { traceOf } from "./witness.ts";

const SAMPLE = 5;
const LONG = 900_000;

let home: Home;
let project: Project;
let killer: Killer;
let image: string;
let version = 0;

beforeAll(async () => {
  process.stdout.write(`kill matrix of blue-green: DSO_SEED=${seed}\n`);
  image = await ensureTestImage("http");
  home = await createHome();
  await home.setSecret("app/password", "first-value-1234");
  project = await home.project({ "compose.yaml": compose() }, "killbg");
  killer = await createKiller(process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock");
  await project.dso("up -d --wait");
});

afterAll(async () => {
  await killer[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

function compose(): string {
  const script = "echo $VERSION > /www/index.html; exec /bin/serve";
  return `services:
  web:
    image: ${image}
    command: [sh, -c, ${JSON.stringify(script.replaceAll("$", "$$$$"))}]
    restart: always
    environment: { VERSION: "v${version}", PASSWORD_FILE: dsofile://app/password }
    networks: { default: { aliases: [shop] } }
    x-dso: { health: { http: { port: 8080, path: / } } }
  client: { image: "${image}", command: [/bin/idle], restart: always }
`;
}

async function wantNext(): Promise<void> {
  version += 1;
  await project.write("compose.yaml", compose());
}

/** `apply`, killed at this call; false when it ended before. */
async function applyKilledAt(number: number, when: "before" | "after"): Promise<boolean> {
  const env = { ...home.environment, DOCKER_HOST: killer.host };
  const argv = ["apply", "-auto-approve"];
  const child = spawn("dso", argv, { cwd: project.dir, env, stdio: ["ignore", "ignore", "pipe"] });
  killer.arm(number, when, () => child.kill("SIGKILL"));
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  return signal === "SIGKILL";
}

async function becomesWhole(): Promise<void> {
  await project.dso("apply -auto-approve");
  const trace = await traceOf(home, project);
  expect(trace.left).toEqual([
    `container ${project.name}-client-1`,
    `container ${project.name}-web-1`,
    `network ${project.name}_default`,
  ]);
  expect(trace.generations).toHaveLength(2);
  expect(trace.openRotations).toEqual([]);
  await project.dso("plan -detailed-exitcode", { status: 0 });
}

test(
  "no request fails, whichever call of a replacement it is killed at",
  async () => {
    await wantNext();
    const loop = await startLoop(home, `${project.name}-client-1`, "shop", "8080", "100");
    expect(await applyKilledAt(1_000, "before")).toBe(false);
    await becomesWhole();
    const calls = [...killer.calls];
    expect(calls.length, calls.join("\n")).toBeGreaterThanOrEqual(10);
    for (const { call, number, when } of chosen(killsOf(calls), SAMPLE)) {
      await wantNext();
      expect(await applyKilledAt(number, when), `${when} ${call}`).toBe(true);
      await becomesWhole().catch((cause: unknown) => {
        throw new Error(`killed ${when} ${call}`, { cause });
      });
    }
    const { failed, last, sent } = await loop.stop();
    expect(sent).toBeGreaterThan(1_000);
    expect(failed).toEqual({});
    expect(last).toBe(`v${version}`);
  },
  LONG,
);
