/** `dso agent` on the real engine: nobody runs a command, and what changes is rolled out. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createGate, type RunningAgent, startAgent } from "./agency.ts";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { startLoop } from "./loop.ts";
import { stayConnected } from "./witness.ts";

/** Says which version of its secret it was started with; `bad` does not start, and `mute` never serves. */
function compose(image: string, label = "one"): string {
  const script =
    "cat /run/secrets/version > /www/index.html; grep -q bad /www/index.html && exit 3; " +
    "grep -q mute /www/index.html && exec /bin/idle; exec /bin/serve";
  return [
    "services:",
    "  web:",
    `    image: ${image}`,
    `    command: [sh, -c, ${JSON.stringify(script)}]`,
    "    restart: always",
    `    labels: { edit: ${label} }`,
    "    environment: { VERSION_FILE: dsofile://version }",
    "    x-dso: { health: { http: { port: 8080, path: / } } }",
    "  client:",
    `    image: ${image}`,
    "    command: [/bin/idle]",
    "    restart: always",
    "",
  ].join("\n");
}

interface Scene {
  readonly home: Home;
  readonly project: Project;
  readonly image: string;
  /** Stores the version, and leaves the rest to the agent. */
  readonly store: (version: string) => Promise<void>;
  readonly answer: () => Promise<string>;
}

async function withProject(work: (scene: Scene) => Promise<void>): Promise<void> {
  await using home = await createHome();
  const image = await ensureTestImage("http");
  await home.setSecret("version", "v0");
  const project = await home.project({ "compose.yaml": compose(image) }, "agent");
  await project.dso("up -d --wait");
  const ask = ["exec", `${project.name}-web-1`, "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"];
  await work({
    ...{ home, project, image },
    store: async (version) => {
      await home.run("dso", ["secret", "set", "--no-apply", "version"], { input: version });
    },
    answer: async () => (await home.run("docker", ask)).stdout.trim(),
  });
}

/** Nothing is half done, nothing is left over, and the next plan is empty. */
async function expectSettled({ project }: Scene): Promise<void> {
  expect((await project.containers()).map((line) => line.split(" ")[0])).toEqual([
    `${project.name}-client-1`,
    `${project.name}-web-1`,
  ]);
  expect((await project.dso("plan -detailed-exitcode")).stdout).toContain("No changes");
}

const rolledOut = (agent: RunningAgent): Promise<unknown> => agent.said(/^Reconciled/);

test("an edit and changed secrets roll out by themselves, and no request fails", () =>
  withProject(async (scene) => {
    const { home, project, store, image } = scene;
    await using agent = await startAgent(home, project);
    const loop = await startLoop(home, `${project.name}-client-1`, "web", "8080", "100");
    await sleep(300);
    await store("v1");
    await rolledOut(agent);
    await project.write("compose.yaml", compose(image, "two"));
    await rolledOut(agent);
    // Asked for, it does not wait for quiet, and the command ends when it is done.
    const { stderr } = await home.run("dso", ["secret", "set", "version"], { input: "v2" });
    expect(stderr).toContain("The agent rolls it out");
    await sleep(300);
    const { failed, heard, last } = await loop.stop();
    expect(failed).toEqual({});
    expect([Object.keys(heard), last]).toEqual([["v0", "v1", "v2"], "v2"]);
    expect(await agent.stop("SIGTERM")).toBe(0);
    await expectSettled(scene);
  }));

test("a version that fails is rolled back, told, and not tried again until it changes", () =>
  withProject(async (scene) => {
    const { home, project, store, answer } = scene;
    await using agent = await startAgent(home, project);
    await store("bad");
    expect(await agent.said("ROTATION ROLLBACK")).toMatchObject({ level: "error" });
    // Its own removal of the candidate is heard of, and looked at.
    await agent.said(/^Looked/);
    expect(await answer()).toBe("v0");
    const { stdout } = await project.dso("status");
    expect(stdout).toContain("web with local:version @2 failed at");
    expect(stdout).toContain("agent leaves service.web");
    const tried = agent.log().filter(({ msg }) => msg === "ROTATION ROLLBACK").length;
    const set = { input: "bad", status: 1 };
    expect((await home.run("dso", ["secret", "set", "version"], set)).stderr).toContain(
      "rolls it out",
    );
    expect(await answer()).toBe("v0");
    await store("v1");
    await rolledOut(agent);
    expect(await answer()).toBe("v1");
    expect(tried).toBe(1);
    await agent.stop("SIGTERM");
    await expectSettled(scene);
  }));

test.each(["Step await-health", "Step take-aliases", "Step drain-old"])(
  "killed at %s, the next one goes on without a person",
  (step) =>
    withProject(async (scene) => {
      const { home, project, store, answer } = scene;
      const hangUp = await stayConnected(home, project);
      await using killed = await startAgent(home, project);
      await store("v1");
      await killed.said(step);
      await killed.stop("SIGKILL");
      await hangUp();
      await using agent = await startAgent(home, project);
      await agent.said(/had been interrupted/);
      await agent.said(/^Looked: nothing to do/);
      expect(await answer()).toBe("v1");
      await agent.stop("SIGTERM");
      await expectSettled(scene);
    }),
);

test("told to stop in the middle of a rotation, it gives the step back and ends with 0", () =>
  withProject(async ({ home, project, store, answer }) => {
    await using agent = await startAgent(home, project);
    const before = await project.containers();
    await store("mute");
    await agent.said("Step await-health");
    expect(await agent.stop("SIGTERM")).toBe(0);
    expect(await answer()).toBe("v0");
    expect(await project.containers()).toEqual(before);
  }));

test("an engine that is away is waited for, and then everything is looked at", () =>
  withProject(async (scene) => {
    const { home, project, store, answer } = scene;
    const engine = home.environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
    await using gate = await createGate(engine);
    await using agent = await startAgent(home, project, {
      environment: { DOCKER_HOST: gate.host },
    });
    await agent.said(/^Looked/);
    await gate.shut();
    await agent.said(/^Engine lost/);
    await store("v1");
    expect((await project.dso("status")).stdout).toMatch(/Agent: running .*engine/i);
    await gate.open();
    await agent.said("Engine connected");
    await rolledOut(agent);
    expect(await answer()).toBe("v1");
    await agent.stop("SIGTERM");
    await expectSettled(scene);
  }));

test("what somebody removed is made anew, and what somebody stopped is left", () =>
  withProject(async (scene) => {
    const { home, project, answer } = scene;
    await using agent = await startAgent(home, project);
    await agent.said(/^Looked/);
    await home.run("docker", ["rm", "-f", `${project.name}-web-1`]);
    await rolledOut(agent);
    // It was seen to run, which is not yet to serve.
    await expect.poll(answer).toBe("v0");
    await home.run("docker", ["stop", "-t", "1", `${project.name}-web-1`]);
    await agent.said(/^Left alone: it was stopped/);
    const { stdout } = await home.run("docker", ["ps", "--format", "{{.Names}}"]);
    expect(stdout).not.toContain(`${project.name}-web-1`);
    await project.dso("down");
    await agent.said(/^Looked: taken down/);
    expect(await project.left()).toEqual([]);
  }));

test("a second agent is refused, by name and pid", () =>
  withProject(async ({ home, project }) => {
    await using agent = await startAgent(home, project);
    const other = { status: 1, environment: { DSO_HOME: `${home.path}/other` } };
    const { stderr } = await project.dso("agent", other);
    expect(stderr).toContain(`(pid ${agent.pid})`);
    expect(stderr).toContain("One agent per engine");
    expect((await project.dso("agent", { status: 1 })).stderr).toContain(`process ${agent.pid}`);
  }));
