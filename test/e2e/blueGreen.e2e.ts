/**
 * Replacing a service that can run twice, on the real engine, while somebody asks it 200 times a
 * second. `DSO_ROTATIONS=10` makes each loop longer.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { startLoop } from "./loop.ts";
import type { Loop } from "./requestLoop.ts";

const ROTATIONS = Number(process.env["DSO_ROTATIONS"] ?? 3);

/** Says which version of its secret it was started with, `boot` seconds after its start; ends at once when told to. */
function compose(image: string, boot: number, more: readonly string[] = []): string {
  const script = `sleep ${boot}; cat /run/secrets/version > /www/index.html; exec /bin/serve`;
  return [
    "services:",
    "  web:",
    `    image: ${image}`,
    `    command: [sh, -c, ${JSON.stringify(script)}]`,
    "    restart: always",
    "    environment: { VERSION_FILE: dsofile://version }",
    "    networks: { default: { aliases: [shop] } }",
    "    x-dso: { health: { http: { port: 8080, path: / } } }",
    ...more.map((line) => `    ${line}`),
    "  client:",
    `    image: ${image}`,
    "    command: [/bin/idle]",
    "    restart: always",
    "",
  ].join("\n");
}

async function start(home: Home, text: string): Promise<Project> {
  await home.setSecret("version", "v0");
  const project = await home.project({ "compose.yaml": text }, "bg");
  await project.dso("up -d --wait");
  return project;
}

async function underLoad(
  home: Home,
  project: Project,
  name: string,
  work: () => Promise<void>,
): Promise<Loop> {
  const loop = await startLoop(home, `${project.name}-client-1`, name, "8080", "200");
  await sleep(300);
  await work();
  await sleep(300);
  const counted = await loop.stop();
  process.stdout.write(
    `asked as ${name}: ${JSON.stringify({ ...counted, heard: undefined, firstAt: undefined })}\n`,
  );
  return counted;
}

test.each([
  { boot: 0, name: "web" },
  { boot: 2, name: "shop" },
  { boot: 0, name: "by its own name" },
])("no request fails: boots in $boot s, asked as $name", async ({ boot, name }) => {
  await using home = await createHome();
  const project = await start(home, compose(await ensureTestImage("http"), boot));
  const versions = Array.from({ length: ROTATIONS }, (_, index) => `v${index + 1}`);
  const asked = name === "by its own name" ? `${project.name}-web-1` : name;
  const loop = await underLoad(home, project, asked, async () => {
    for (const version of versions) await home.setSecret("version", version);
  });
  expect(loop.failed).toEqual({});
  expect(Object.keys(loop.heard)).toEqual(["v0", ...versions]);
  expect(loop.last).toBe(versions.at(-1));
  expect((await project.containers()).map((line) => line.split(" ")[0])).toEqual([
    `${project.name}-client-1`,
    `${project.name}-web-1`,
  ]);
  expect((await project.dso("plan -detailed-exitcode")).stdout).toContain("No changes");
});

test("a version that does not get healthy leaves the old one serving, and says what it said", async () => {
  await using home = await createHome();
  const text = compose(await ensureTestImage("http"), 0);
  const project = await start(home, text);
  const before = await project.containers();
  const broken = text.replace("exec /bin/serve", "echo cannot start >&2; exit 3");
  let said = "";
  const loop = await underLoad(home, project, "web", async () => {
    await project.write("compose.yaml", broken);
    const { stdout, stderr } = await project.dso("apply -auto-approve", { status: 1 });
    said = stdout + stderr;
  });
  expect(loop.failed).toEqual({});
  expect(loop.heard).toEqual({ v0: loop.sent });
  expect(said).toContain("cannot start");
  expect(said).toContain("Service web runs as before");
  expect(await project.containers()).toEqual(before);
});

test("three replicas go one after the other, while another service starts", async () => {
  await using home = await createHome();
  const text = compose(await ensureTestImage("http"), 0, ["deploy: { replicas: 3 }"]);
  const project = await start(home, text);
  const loop = await underLoad(home, project, "web", async () => {
    const image = await ensureTestImage("http");
    const other = `  other: { image: ${image}, command: [/bin/idle], restart: always }\n`;
    await project.write("compose.yaml", text + other);
    await Promise.all([home.setSecret("version", "v1"), sleep(1000)]);
    await project.dso("apply -auto-approve");
  });
  expect(loop.failed).toEqual({});
  expect(Object.keys(loop.heard)).toEqual(["v0", "v1"]);
  expect(loop.last).toBe("v1");
});
