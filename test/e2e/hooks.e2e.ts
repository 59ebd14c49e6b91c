/** `pre_start`, `post_start` and `pre_stop` on the real engine, with a sealed variable in all of them. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { applyWatched } from "./steps.ts";

let home: Home;

beforeAll(async () => {
  await ensureTestImage("http");
  home = await createHome();
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

const say = (what: string): string =>
  `[sh, -c, 'echo ${what} $$MARK $$(echo -n "$$PW" | md5sum | cut -c1-8) >> /log/lines']`;

interface Texts {
  readonly mark: string;
  readonly before?: string;
  readonly after?: string;
}

const compose = ({ mark, before = say("before"), after = say("after") }: Texts): string => `
services:
  web:
    image: dso-test/http:1
    environment: { MARK: "${mark}", PW: dso://pw }
    volumes: [./log:/log]
    x-dso: { drain: 0s, shared: [/log], health: { http: { port: 8080, path: / } } }
    pre_start:
      - { image: dso-test/busybox:1, command: ${before} }
      - { command: ${say("each")}, per_replica: true, environment: { MARK: "${mark}-own" } }
    post_start: [{ command: ${after}, environment: { EXTRA: "1" } }]
    pre_stop: [{ command: ${say("stop")} }]
`;

async function lines({ dir }: Project): Promise<readonly string[]> {
  return (await readFile(join(dir, "log/lines"), "utf8")).trim().split("\n");
}

/** Without what only tells one value from another. */
const shown = (all: readonly string[]): readonly string[] =>
  all.map((line) => line.split(" ").slice(0, 2).join(" "));

test("run around every start and every stop, with the variables of their service", async () => {
  await home.setSecret("pw", "hooked-value-1");
  const project = await home.project({ "compose.yaml": compose({ mark: "a" }), "log/.keep": "" });
  await project.dso("up -d");
  const first = await lines(project);
  expect(shown(first)).toEqual(["before a", "each a-own", "after a"]);
  await project.dso("plan -detailed-exitcode");
  await home.run("dso", ["secret", "set", "--no-apply", "pw"], { input: "hooked-value-2" });
  await project.dso("apply -auto-approve");
  const second = (await lines(project)).slice(first.length);
  expect(shown(second)).toEqual(["before a", "each a-own", "after a", "stop a"]);
  const [old, ...rest] = [...first, ...second].map((line) => line.split(" ")[2]);
  const fresh = rest[2];
  expect(rest).toEqual([old, old, fresh, fresh, fresh, old]);
  expect(fresh).not.toBe(old);
  expect(await project.containers()).toHaveLength(1);

  const failing = "[sh, -c, 'echo cannot announce; exit 4']";
  await project.write("compose.yaml", compose({ mark: "b", after: failing }));
  const { stderr } = await project.dso("apply -auto-approve", { status: 1 });
  expect(stderr).toMatch(/post_start\[0\] of \S+ ended with 4: cannot announce/);
  await project.write("compose.yaml", compose({ mark: "a" }));
  await project.dso("plan -detailed-exitcode");
  expect(await project.containers()).toHaveLength(1);
  await project.dso("down");
  expect((await lines(project)).at(-1)).toMatch(/^stop a /);
});

test("a process that is killed in the middle leaves nothing that the next run does not clear away", async () => {
  await home.setSecret("pw", "hooked-value-1");
  const slow = "[sleep, '1000'], init: true";
  const text = compose({ mark: "a", before: slow });
  const project = await home.project({ "compose.yaml": text, "log/.keep": "" });
  const run = applyWatched(home, project);
  expect(await run.reaches("pre-start")).toBe(true);
  while ((await project.containers()).length < 2) await sleep(50);
  run.kill();
  await run.ended;
  await project.write("compose.yaml", compose({ mark: "a" }));
  await project.dso("apply -auto-approve");
  expect(await project.containers()).toHaveLength(1);
  expect(shown(await lines(project))).toEqual(["before a", "each a-own", "after a"]);
});

test("what was started while nobody lived to see it, and what is not stopped, is announced", async () => {
  const project = await home.project({
    "log/lines": "",
    "compose.yaml": `
services:
  web:
    image: dso-test/busybox:1
    command: [idle]
    volumes: [./log:/log]
    post_start: [{ command: [sh, -c, 'echo after >> /log/lines; test ! -e /log/slow || sleep 1000'] }]
    pre_stop: [{ command: [sh, -c, 'echo stop >> /log/lines; test ! -e /log/kept'] }]
`,
  });
  await project.dso("apply -auto-approve");
  const [name = "", id = ""] = (await project.containers())[0]?.split(" ") ?? [];
  await home.run("docker", ["stop", "-t", "0", id]);
  await project.write("log/slow", "");
  const start = applyWatched(home, project);
  while ((await lines(project)).length < 2) await sleep(50);
  start.kill();
  await start.ended;
  await rm(join(project.dir, "log/slow"));
  await project.dso("plan -detailed-exitcode");
  expect(await lines(project)).toEqual(["after", "after", "after"]);
  await project.write("log/kept", "");
  await project.dso("down", { status: 1 });
  expect((await lines(project)).slice(3)).toEqual(["stop", "after"]);
  expect(await project.containers()).toEqual([`${name} ${id}`]);
  await rm(join(project.dir, "log/kept"));
});

test("Docker Compose and we see the same service, and run the same", async () => {
  const text = (mark: string): string => `
services:
  web:
    image: dso-test/busybox:1
    command: [idle]
    environment: { MARK: "${mark}" }
    volumes: [./log:/log]
    post_start: [{ command: [sh, -c, 'echo after >> /log/lines'] }]
    pre_stop: [{ command: [sh, -c, 'echo stop >> /log/lines'], environment: { A: "1", B: } }]
`;
  const project = await home.project({ "compose.yaml": text("a"), "log/.keep": "" });
  await project.newest("up -d");
  const made = await project.containers();
  await project.dso("apply -auto-approve");
  expect(await project.containers()).toEqual(made);
  await project.dso("down");
  await project.dso("up -d");
  const ours = await project.containers();
  await project.newest("up -d");
  expect(await project.containers()).toEqual(ours);
  expect(await lines(project)).toEqual(["after", "stop", "after"]);
});
