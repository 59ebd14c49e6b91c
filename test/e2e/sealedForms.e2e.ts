/** Every way to say what a container runs, and how: a sealed one does the same as its exposed twin. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import {
  composeOf,
  expectConverged,
  expectTwins,
  inspect,
  nameOf,
  told,
  withTwins,
} from "./sealed.ts";
import { ensureSealedImage } from "./sealedImages.ts";

const VALUE = "sealed-form-4713";
const environment = { TOKEN: "dso://app/token", "a.b-c": "dso://app/token" };

let home: Home;
let project: Project;

type Service = Readonly<Record<string, unknown>>;
type Services = Readonly<Record<string, Service>>;

/** Of an image with ENTRYPOINT ["idle"] and CMD ["a", "b c"]. */
const COMMANDS: Services = {
  image: {},
  "command-text": { command: "x 'y z'" },
  "command-list": { command: ["x", "y z", ""] },
  "command-empty": { command: [] },
  "command-empty-text": { command: "" },
  "entrypoint-text": { entrypoint: "/usr/bin/idle x 'y z'" },
  "entrypoint-list": { entrypoint: ["idle", "x y"] },
  "both-lists": { entrypoint: ["idle"], command: ["x"] },
  "entrypoint-empty": { entrypoint: [], command: ["idle", "x"] },
  "entrypoint-empty-text": { entrypoint: "", command: "idle x" },
  "command-null": { command: null, entrypoint: null },
};

const SETTINGS: Services = {
  directory: { working_dir: "/usr/local/bin" },
  "numeric-user": { user: "12345" },
  "user-and-group": { user: "12345:54321" },
  "named-user": { user: "app", group_add: ["70"] },
  init: { init: true },
  terminal: { tty: true, stdin_open: true },
  "read-only": { read_only: true },
  signal: { stop_signal: "SIGINT" },
  capless: { cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"], read_only: true },
};

/** True where the value has as many characters as it has. */
const check = "test $${#TOKEN} = 16";
const every = { interval: "1s", retries: 1 };
const CHECKS: Services = {
  "check-list": { healthcheck: { test: ["CMD", "dash", "-c", check], ...every } },
  "check-text": { healthcheck: { test: check, ...every } },
  "check-shell": { healthcheck: { test: ["CMD-SHELL", check], ...every } },
  "check-bad": {
    healthcheck: { test: ["CMD-SHELL", "exit 1"], ...every },
    "x-dso": { health: { exec: ["true"] } },
  },
  "check-off": { healthcheck: { disable: true } },
  "check-none": { healthcheck: { test: ["NONE"] } },
};
/** Of an image with a healthcheck. */
const IMAGE_CHECKS: Services = {
  "check-image": {},
  "check-image-times": { healthcheck: { interval: "2s" } },
  "check-image-off": { healthcheck: { disable: true } },
};

beforeAll(async () => {
  const debian = await ensureSealedImage("debian");
  const health = await ensureTestImage("health");
  const of = (image: string, services: Services): Services =>
    Object.fromEntries(
      Object.entries(services).map(([name, one]) => [name, { image, environment, ...one }]),
    );
  const services = {
    ...of(debian, { ...COMMANDS, ...SETTINGS, ...CHECKS }),
    ...of(health, IMAGE_CHECKS),
  };
  home = await createHome();
  await home.setSecret("app/token", VALUE);
  project = await home.project({ "compose.yaml": composeOf(withTwins(services)) }, "forms");
  await project.dso("up -d");
}, 300_000);

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

test.each(Object.keys({ ...COMMANDS, ...SETTINGS }))("%s: the same runs", async (name) => {
  const sealed = await expectTwins(home, project, name);
  expect(sealed.environment).toMatchObject({ TOKEN: VALUE, "a.b-c": VALUE });
  expect(sealed.isFirst).toBe(name !== "init");
  expect(await told(home, [nameOf(project, name)], [VALUE])).toEqual([]);
  expect(await told(home, [nameOf(project, `${name}-open`)], [VALUE])).toEqual([VALUE]);
});

test.each(Object.keys({ ...CHECKS, ...IMAGE_CHECKS }))("%s: the same health", async (name) => {
  const expected = /off|none/.test(name) ? undefined : /bad/.test(name) ? "unhealthy" : "healthy";
  for (const one of [name, `${name}-open`]) {
    const health = async (): Promise<string | undefined> =>
      (await inspect(home, nameOf(project, one)))[0]?.State.Health?.Status;
    await expect.poll(health).toBe(expected);
  }
  expect(await told(home, [nameOf(project, name)], [VALUE])).toEqual([]);
});

test("Docker Compose finds nothing to do, and neither does DSO", async () => {
  await expectConverged(project);
});

describe("how it ends", () => {
  const stopped = async (name: string): Promise<readonly (string | number)[]> => {
    await home.run("docker", ["stop", "-t", "8", nameOf(project, name)]);
    const [one] = await inspect(home, nameOf(project, name));
    return [one!.State.Status, one!.State.ExitCode];
  };

  test.each([
    ["image", 7],
    ["init", 7],
    ["terminal", 7],
    ["signal", 8],
  ])("the signal reaches the program, and its exit code the engine: %s", async (name, code) => {
    expect(await stopped(name)).toEqual(["exited", code]);
    expect(await stopped(`${name}-open`)).toEqual(["exited", code]);
  });
});

test("nothing is left of it", async () => {
  await project.dso("down -v");
  expect(await project.left()).toEqual([]);
});
