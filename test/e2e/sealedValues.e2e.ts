/** What a sealed variable can hold, and what becomes of it when its secret changes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { composeOf, expectConverged, inspect, nameOf, told, variableOf } from "./sealed.ts";
import { traceOf } from "./witness.ts";

let home: Home;
let image: string;
let http: string;

beforeAll(async () => {
  image = await ensureTestImage("base");
  http = await ensureTestImage("http");
  home = await createHome();
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

async function set(path: string, input: string | Buffer): Promise<void> {
  await home.run("dso", ["secret", "set", path], { input });
}

async function up(services: Readonly<Record<string, unknown>>, label: string): Promise<Project> {
  const project = await home.project({ "compose.yaml": composeOf(services) }, label);
  await project.dso("up -d --wait");
  return project;
}

test("every byte but NUL arrives, in a variable of any name", async () => {
  const bytes = Buffer.from(Array.from({ length: 255 }, (_, index) => 255 - index));
  await set("values/bytes", bytes);
  const environment = { BYTES: "dso://values/bytes", "a.b-c d": "dso://values/bytes" };
  const project = await up({ web: { image, environment } }, "bytes");
  for (const name of ["BYTES", "a.b-c d"])
    expect(await variableOf(home, project, "web", name)).toBe(bytes.toString("latin1"));
  await expectConverged(project);
});

test("127 KiB arrive; 129 KiB are refused before anything is changed", async () => {
  const large = "s".repeat(127 * 1024);
  await set("values/large", large);
  const service = { image, environment: { LARGE: "dso://values/large" } };
  const project = await up({ web: service }, "large");
  expect(await variableOf(home, project, "web", "LARGE")).toBe(large);
  expect(await told(home, [nameOf(project, "web")], [large.slice(0, 64)])).toEqual([]);

  await set("values/larger", "s".repeat(129 * 1024));
  const other = { image, environment: { LARGER: "dso://values/larger" } };
  await project.write("compose.yaml", composeOf({ web: { ...service, tty: true }, other }));
  const before = await traceOf(home, project);
  const { stderr } = await project.dso("apply -auto-approve", { status: 1 });
  expect(stderr).toMatch(/LARGER is too long for a variable/);
  expect(stderr).toContain("dsofile://");
  expect(await traceOf(home, project)).toEqual(before);
});

/** Crashes once it is told to; what it saw in each of its lives is in /tmp/seen. */
const CRASHES =
  'echo "$$TOKEN" >>/tmp/seen; [ -e /tmp/crash ] && exec idle; until [ -e /tmp/crash ]; do sleep 0.1; done; exit 41';

test("one that crashes is started again by the engine, with its variables", async () => {
  await set("values/token", "after-the-crash");
  const project = await up(
    {
      web: {
        ...{ image, command: ["sh", "-c", CRASHES], restart: "on-failure" },
        environment: { TOKEN: "dso://values/token" },
        "x-dso": { health: { exec: ["true"] } },
      },
    },
    "crash",
  );
  const name = nameOf(project, "web");
  await home.run("docker", ["exec", name, "touch", "/tmp/crash"]);
  const restarts = async (): Promise<unknown> => (await inspect(home, name))[0]?.RestartCount;
  await expect.poll(restarts).toBe(1);
  const seen = async (): Promise<string> =>
    (await home.run("docker", ["exec", name, "cat", "/tmp/seen"])).stdout;
  await expect.poll(seen).toBe("after-the-crash\nafter-the-crash\n");
  await home.run("docker", ["restart", "-t", "2", name]);
  await expect.poll(seen).toMatch(/^(after-the-crash\n){3}$/);
  await project.dso("plan -detailed-exitcode");
});

test("`dso run` answers with the exit code of the command", async () => {
  await set("values/once", "of-one-run");
  const service = { image, environment: { TOKEN: "dso://values/once" } };
  const project = await home.project({ "compose.yaml": composeOf({ web: service }) }, "once");
  const argv = ["run", "--rm", "-T", "web", "sh", "-c", 'echo "$TOKEN"; exit 41'];
  const { stdout } = await home.run("dso", argv, { cwd: project.dir, status: 41 });
  expect(stdout).toBe("of-one-run\n");
  expect((await traceOf(home, project)).left).toEqual([`network ${project.name}_default`]);
});

/** Dies of a value that it does not like. */
const PICKY = "case $$TOKEN in poison*) exit 4;; esac; exec serve";

test("a new value comes by blue-green, a bad one not at all, and a rollback brings the old", async () => {
  await set("values/rotated", "first-value");
  const service = {
    ...{ image: http, command: ["sh", "-c", PICKY] },
    environment: { TOKEN: "dso://values/rotated" },
    "x-dso": { health: { http: { port: 8080 } }, drain: "1s" },
  };
  const project = await up({ web: service }, "rotated");
  const token = (): Promise<string> => variableOf(home, project, "web", "TOKEN");
  expect(await token()).toBe("first-value");
  const { generations } = await traceOf(home, project);

  const input = "second-value";
  const rotated = await home.run("dso", ["secret", "set", "values/rotated"], { input });
  expect(rotated.stdout).toContain("will be replaced by blue-green, no expected downtime");
  expect(await token()).toBe("second-value");
  await expectConverged(project);

  const bad = { input: "poison-value", status: 1 };
  const refused = await home.run("dso", ["secret", "set", "values/rotated"], bad);
  expect(refused.stdout + refused.stderr).toContain("Service web runs as before");
  expect(await token()).toBe("second-value");

  await set("values/other", "x");
  await project.dso("rollback -auto-approve web");
  expect(await token()).toBe("first-value");
  const all = ["first-value", "second-value", "poison-value"];
  expect(await told(home, [nameOf(project, "web")], all)).toEqual([]);
  // None of the ones that are gone is left in memory.
  expect((await traceOf(home, project)).generations).toHaveLength(generations.length);
});
