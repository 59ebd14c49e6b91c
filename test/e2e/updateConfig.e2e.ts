/** Three replicas on the real engine, whose second new one fails: what `deploy.update_config` makes of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { rotationsOf } from "./witness.ts";

interface Texts {
  readonly state: "old" | "new";
  /** What the second container of the new state does instead of serving. */
  readonly dies?: string;
  readonly update: string;
  readonly rollback?: string;
}

/** The new containers count themselves in a directory that all of them write. */
async function compose({
  state,
  dies = "exit 3",
  update,
  rollback = "{}",
}: Texts): Promise<string> {
  const second = `{ echo cannot serve >&2; ${dies}; }`;
  const count = 'echo x >> /count/starts; [ "$(wc -l < /count/starts)" -ne 2 ]';
  const script = `${state === "new" ? `${count} || ${second}; ` : ""}exec /bin/serve`;
  return [
    "services:",
    "  web:",
    `    image: ${await ensureTestImage("http")}`,
    `    command: [sh, -c, ${JSON.stringify(script.replaceAll("$", "$$$$"))}]`,
    `    labels: { state: ${state} }`,
    "    restart: always",
    "    volumes: [./count:/count]",
    "    x-dso: { shared: [/count], health: { http: { port: 8080, path: / } } }",
    `    deploy: { replicas: 3, update_config: ${update}, rollback_config: ${rollback} }`,
    "",
  ].join("\n");
}

async function start(home: Home, update: string): Promise<Project> {
  const text = await compose({ state: "old", update });
  const project = await home.project({ "compose.yaml": text, "count/.keep": "" }, "update");
  await project.dso("up -d --wait");
  return project;
}

async function states(home: Home, { name }: Project): Promise<readonly string[]> {
  const names = [1, 2, 3].map((number) => `${name}-web-${number}`);
  const format = '{{index .Config.Labels "state"}} {{.State.Status}}';
  const { stdout } = await home.run("docker", ["inspect", "--format", format, ...names]);
  return stdout.trim().split("\n");
}

const [OLD, NEW] = ["old running", "new running"];

/** Exactly three containers, and what the failing apply has said. */
async function change(project: Project, texts: Omit<Texts, "state">): Promise<string> {
  await project.write("compose.yaml", await compose({ state: "new", ...texts }));
  const { stdout, stderr } = await project.dso("apply -auto-approve", { status: 1 });
  expect(await project.containers()).toHaveLength(3);
  return stdout + stderr;
}

test("pause: those replaced stay, no further one is begun, and the next apply goes on", async () => {
  await using home = await createHome();
  const project = await start(home, "{}");
  const said = await change(project, { update: "{}" });
  expect(said).toContain("cannot serve");
  expect(await states(home, project)).toEqual([NEW, OLD, OLD]);
  await project.dso("apply -auto-approve");
  expect(await states(home, project)).toEqual([NEW, NEW, NEW]);
  await project.dso("plan -detailed-exitcode");
});

test("continue: the others go on, and the command fails all the same", async () => {
  await using home = await createHome();
  const update = "{ failure_action: continue, delay: 1s }";
  const project = await start(home, update);
  const said = await change(project, { update });
  expect(said).toContain(
    "(one replica after the other, 1 s between them; if one fails, the others",
  );
  expect(said).toContain("1 of 3 replicas failed so far, and its update goes on");
  expect(await states(home, project)).toEqual([NEW, OLD, NEW]);
});

test("rollback: the first goes back to what was applied, and another apply tries again", async () => {
  await using home = await createHome();
  const update = "{ failure_action: rollback, order: start-first }";
  const project = await start(home, update);
  const before = await project.containers();
  const said = await change(project, { update, rollback: "{ parallelism: 0, monitor: 1s }" });
  expect(said).toContain('service "web": 1 of 3 replicas failed; rolled back to revision 1');
  expect(await states(home, project)).toEqual([OLD, OLD, OLD]);
  expect((await project.containers()).slice(1)).toEqual(before.slice(1));
  expect((await project.dso("plan -detailed-exitcode", { status: 2 })).stdout).toContain(
    "3 to add",
  );
  await project.dso("apply -auto-approve");
  expect(await states(home, project)).toEqual([NEW, NEW, NEW]);
  expect((await project.dso("rollback -auto-approve")).stdout).toContain("revision");
  expect(await states(home, project)).toEqual([OLD, OLD, OLD]);
});

/** Until the replica of that number serves, and is watched. */
async function watched(home: Home, project: Project, replica: number): Promise<void> {
  for (;;) {
    const last = (await rotationsOf(home, project)).at(-1);
    if (last?.number === replica && last.step === "watch-new") return;
    await sleep(100);
  }
}

test("monitor: one that ends after it has served is undone, and its predecessor never stopped", async () => {
  await using home = await createHome();
  const update = "{ monitor: 20s }";
  const project = await start(home, update);
  const before = await project.containers();
  const dies = "/bin/serve & until [ -e /count/die ]; do sleep 0.1; done; exit 3";
  const ended = change(project, { update, dies });
  await Promise.race([ended, watched(home, project, 2)]);
  await project.write("count/die", "");
  const said = await ended;
  expect(said).toContain("watching it");
  expect(said).toContain("Service web runs as before");
  expect(await states(home, project)).toEqual([NEW, OLD, OLD]);
  expect((await project.containers()).slice(1)).toEqual(before.slice(1));
});
