/**
 * A new container that nobody can tell to serve, or that cannot be started: why is told, and the old one
 * serves. By blue-green it never stopped.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { traceOf } from "./witness.ts";

let home: Home;
let image: string;
let bare: string;

/** Room for one container, and for the gateway. */
const TINY = `10.${100 + ((randomBytes(1)[0] ?? 0) % 100)}.${randomBytes(1)[0] ?? 0}.0/30`;

beforeAll(async () => {
  image = await ensureTestImage("http");
  bare = await ensureTestImage("bare");
  home = await createHome();
  await home.setSecret("app/password", "first-value-1234");
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

interface Parts {
  readonly image?: string;
  /** More keys of the service. */
  readonly service?: readonly string[];
  /** What stands at the top, besides. */
  readonly rest?: string;
}

function compose({ image: other = image, service = [], rest = "" }: Parts): string {
  return `services:
  web:
    image: ${other}
    stop_grace_period: 1s
    environment: { PASSWORD_FILE: dsofile://app/password }
${service.map((line) => `    ${line}\n`).join("")}${rest}
`;
}

async function runOf(project: Project): Promise<string> {
  const format = "{{.Id}} {{.State.StartedAt}} {{.State.Running}}";
  const { stdout } = await home.run("docker", ["inspect", "-f", format, `${project.name}-web-1`]);
  return stdout.trim();
}

async function answer(project: Project): Promise<string> {
  const argv = ["exec", `${project.name}-web-1`, "wget", "-qO-", "http://127.0.0.1:8080/"];
  return (await home.run("docker", argv)).stdout;
}

/** The run that must fail with these words, and leave what there was. */
async function refused(project: Project, words: RegExp): Promise<void> {
  const before = await traceOf(home, project);
  const { stderr } = await project.dso("apply -auto-approve", { status: 1 });
  expect(stderr).toMatch(words);
  expect(stderr).not.toMatch(/defect in DSO/);
  const { left, containers, generations, openRotations } = await traceOf(home, project);
  expect({ left, generations, openRotations }).toEqual({
    ...{ left: before.left, generations: before.generations, openRotations: [] },
  });
  // One that was started again a moment ago may be about to listen.
  const wasStarted = !containers.every((one) => before.containers.includes(one));
  if (wasStarted) await expect.poll(() => answer(project)).toBe("ok\n");
  else expect(await answer(project)).toBe("ok\n");
}

/** Of the seconds that a check may take some are over before it is asked. */
const CHECKS: readonly (readonly [string, Parts, RegExp])[] = [
  [
    "a probe that hangs",
    {
      service: [
        'labels: { newer: "yes" }',
        'x-dso: { health: { exec: [sleep, "1000"], timeout: 3s } }',
      ],
    },
    /did not become healthy: the check gave no answer within [123] s/,
  ],
  [
    "a probe that is heard and not answered",
    {
      service: [
        'command: [nc, -ll, -p, "8080", -e, sleep, "1000"]',
        "x-dso: { health: { http: { port: 8080 }, timeout: 5s } }",
      ],
    },
    /did not become healthy: port 8080: no answer in time/,
  ],
  [
    "a healthcheck that hangs, and is asked seldom",
    {
      service: [
        'healthcheck: { test: [CMD, sleep, "1000"], interval: 60s, timeout: 60s }',
        "x-dso: { health: { timeout: 3s } }",
      ],
    },
    /did not become healthy: the check gave no answer within [123] s/,
  ],
  [
    "a healthcheck that hangs, and is asked often",
    {
      service: [
        'healthcheck: { test: [CMD, sleep, "1000"], interval: 1s, timeout: 1s, retries: 1 }',
      ],
    },
    /did not become healthy: Health check exceeded timeout/,
  ],
  [
    "a healthcheck for a shell that the image does not have, asked seldom",
    {
      image: "bare",
      service: [
        'healthcheck: { test: "wget -q http://127.0.0.1:8080/", interval: 60s }',
        "x-dso: { health: { timeout: 5s } }",
      ],
    },
    /did not become healthy: .*"?\/bin\/sh/,
  ],
  [
    "a healthcheck for a shell that the image does not have, asked often",
    {
      image: "bare",
      service: [
        'healthcheck: { test: "wget -q http://127.0.0.1:8080/", interval: 1s, retries: 1 }',
      ],
    },
    /did not become healthy: .*"?\/bin\/sh/,
  ],
];

describe.each(["blue-green", "stop-first"] as const)("by %s", (method) => {
  let project: Project;
  const rest = method === "stop-first" ? "volumes: { data: {} }" : "";
  const data = method === "stop-first" ? ['volumes: ["data:/data"]'] : [];

  beforeAll(async () => {
    project = await home.project({ "compose.yaml": compose({ service: data, rest }) }, "checks");
    await project.dso("up -d --wait");
  });

  test.each(CHECKS)("%s", async (_, parts, words) => {
    const [id = "", since] = (await runOf(project)).split(" ");
    const service = [...data, ...(parts.service ?? [])];
    const own = parts.image === "bare" ? { image: bare } : {};
    await project.write("compose.yaml", compose({ ...own, service, rest }));
    await refused(project, words);
    const now = (await runOf(project)).split(" ");
    expect(now[0]).toBe(id);
    if (method === "blue-green") expect(now[1]).toBe(since);
  });
});

test("no free address for the new one", async () => {
  const rest = `networks: { default: { ipam: { config: [{ subnet: ${TINY} }] } } }`;
  const project = await home.project({ "compose.yaml": compose({ rest }) }, "address");
  await project.dso("up -d --wait");
  const before = await runOf(project);
  await project.write("compose.yaml", compose({ rest, service: ["labels: { newer: yes-it-is }"] }));
  await refused(project, /no available IPv4 addresses|no free address/i);
  expect(await runOf(project)).toBe(before);
});
