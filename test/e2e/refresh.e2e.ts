/** New files under a container that runs on, on the real engine. */
import { expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { startLoop } from "./loop.ts";

/** Reads its secret again when it is told to, and dies of one that it does not like. */
const RELOADS = `
load() { cat /run/secrets/token > /www/index.html; ! grep -q poison /www/index.html || exit 4; }
load; trap load HUP; trap 'exit 0' TERM
httpd -f -p 8080 -h /www & while :; do wait; done`;

function compose(image: string, xDso: string, file = "dsofile://token", deploy = ""): string {
  return `services:
  web:
    image: ${image}
    command: [sh, -c, ${JSON.stringify(RELOADS.replaceAll("$", "$$$$"))}]
    restart: always
    environment: { TOKEN_FILE: "${file}" }
    x-dso: { ${xDso}, health: { http: { port: 8080 } } }
    deploy: { ${deploy} }
  client: { image: "${image}", command: [/bin/idle], restart: always }
`;
}

async function start(home: Home, text: string): Promise<Project> {
  await home.setSecret("token", "first");
  const project = await home.project({ "compose.yaml": text }, "refresh");
  await project.dso("up -d --wait");
  return project;
}

async function runOf(home: Home, project: Project): Promise<string> {
  const format = "{{.Id}} {{.State.StartedAt}}";
  const argv = ["inspect", "--format", format, `${project.name}-web-1`];
  return (await home.run("docker", argv)).stdout.trim();
}

async function answer(home: Home, project: Project): Promise<string> {
  const argv = ["exec", `${project.name}-web-1`, "wget", "-qO-", "http://127.0.0.1:8080/"];
  return (await home.run("docker", argv)).stdout.trim();
}

test("a changed secret is put under the container, which is told and runs on", async () => {
  await using home = await createHome();
  const project = await start(home, compose(await ensureTestImage("http"), "strategy: signal"));
  const before = await runOf(home, project);
  const loop = await startLoop(home, `${project.name}-client-1`, "web", "8080", "100");
  const { stdout } = await home.run("dso", ["secret", "set", "token"], { input: "second" });
  // A program is told, and reads its file when it gets a processor.
  await expect.poll(() => answer(home, project)).toBe("second");
  const { failed, last } = await loop.stop();
  expect(stdout).toContain("will be given its new files, and runs on");
  expect(stdout).toContain("Refresh complete");
  expect(await runOf(home, project)).toBe(before);
  expect({ failed, last }).toEqual({ failed: {}, last: "second" });
  await project.dso("plan -detailed-exitcode", { status: 0 });
});

test("one that it does not like is taken back, and the old one holds", async () => {
  await using home = await createHome();
  // On a busy machine its program notices later than it is given the time for by default.
  const watched = "update_config: { monitor: 60s }";
  const image = await ensureTestImage("http");
  const project = await start(home, compose(image, "strategy: signal", "dsofile://token", watched));
  const set = { input: "poison", status: 1 };
  const { stdout, stderr } = await home.run("dso", ["secret", "set", "token"], set);
  expect(stdout + stderr).toContain("has its old files again");
  await expect.poll(() => answer(home, project)).toBe("first");
  const { stdout: plan } = await project.dso("plan -detailed-exitcode", { status: 2 });
  expect(plan).toContain("secret_rotated: local:token");
});

test("without a signal the files are others, and nobody is told", async () => {
  await using home = await createHome();
  const project = await start(home, compose(await ensureTestImage("http"), "strategy: refresh"));
  const before = await runOf(home, project);
  await home.setSecret("token", "second");
  const argv = ["exec", `${project.name}-web-1`, "cat", "/run/secrets/token"];
  expect((await home.run("docker", argv)).stdout).toBe("second");
  expect([await runOf(home, project), await answer(home, project)]).toEqual([before, "first"]);
});

test("a file that is a bind of its own needs a new container, and the plan says so", async () => {
  await using home = await createHome();
  const own = "dsofile://token?target=/etc/token";
  const text = compose(await ensureTestImage("http"), "strategy: signal", own);
  const project = await start(home, text.replaceAll("/run/secrets/token", "/etc/token"));
  const before = await runOf(home, project);
  const { stdout } = await home.run("dso", ["secret", "set", "token"], { input: "second" });
  expect(stdout).toContain('service "web" has the strategy "signal", and is replaced');
  expect(await runOf(home, project)).not.toBe(before);
  expect(await answer(home, project)).toBe("second");
});
