/**
 * Sealed variables in images of every kind: the program has them, and nobody who asks the engine. Each
 * service has a twin whose variables are exposed; what runs must not be able to tell the two apart.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import {
  composeOf,
  expectConverged,
  expectTwins,
  inspect,
  latin1,
  nameOf,
  PLAIN,
  told,
  TRICKY,
  withTwins,
} from "./sealed.ts";
import { ensureSealedImage } from "./sealedImages.ts";

const TELL = 'echo "$TRICKY"';
/** What it looks for is there only where the variables are. */
const GREP = { "x-dso": { health: { exec: ["sh", "-c", "env | grep -q ^PLAIN="] } } };
const PROBED = { "x-dso": { health: { http: { port: 8080 } } } };
const CHECKED = {
  healthcheck: { test: 'pg_isready -h 127.0.0.1 -U "$$DB_USER"', interval: "1s", retries: 60 },
  "x-dso": { health: { timeout: "120s" } },
};

const environment = {
  PLAIN: "dso://app/plain",
  TRICKY: "dso://app/tricky",
  "dotted.name-x": "dso://app/plain",
  URL: "x://app:{{dso://app/plain}}@db/shop",
  LITERAL: "stays where it is",
};

let home: Home;
let project: Project;

beforeAll(async () => {
  const images = {
    busybox: { image: await ensureTestImage("base"), ...GREP },
    bare: { image: await ensureTestImage("bare"), "x-dso": { health: { tcp: { port: 8080 } } } },
    debian: { image: await ensureSealedImage("debian") },
    postgres: { image: await ensureSealedImage("postgres"), ...CHECKED },
    redis: { image: await ensureSealedImage("redis") },
    node: { image: await ensureSealedImage("node"), ...PROBED },
    shell: { image: await ensureSealedImage("shellForm") },
    dotted: { image: await ensureSealedImage("dotted") },
  };
  const own: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    postgres: { POSTGRES_PASSWORD: "dso://app/plain", DB_USER: "postgres" },
    redis: { REDIS_PASSWORD: "dso://app/plain" },
  };
  const services = Object.entries(images).map(([name, service]) => {
    const all = { ...environment, ...own[name] };
    return [name, { ...service, environment: all, restart: "unless-stopped" }] as const;
  });
  home = await createHome();
  await home.setSecret("app/plain", PLAIN);
  await home.setSecret("app/tricky", `${TRICKY}\n`);
  const text = composeOf(withTwins(Object.fromEntries(services)));
  project = await home.project({ "compose.yaml": text }, "sealed");
  await project.dso("up -d --wait");
}, 300_000);

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

const KINDS = "busybox bare debian postgres redis node shell dotted".split(" ");

describe.each(KINDS)("in %s", (kind) => {
  test("the program has the values, and all else is as without it", async () => {
    const sealed = await expectTwins(home, project, kind);
    expect(sealed.isFirst).toBe(true);
    // Redis writes its title over what it was started with; its password is tried below.
    if (kind === "redis") return;
    expect(sealed.environment).toMatchObject({
      PLAIN: latin1(PLAIN),
      TRICKY: latin1(TRICKY),
      "dotted.name-x": latin1(PLAIN),
      URL: latin1(`x://app:${PLAIN}@db/shop`),
      LITERAL: "stays where it is",
    });
  });

  test("the engine tells none of them, and all of the twin's", async () => {
    expect(await told(home, [nameOf(project, kind)], [PLAIN, TRICKY])).toEqual([]);
    const twin = [nameOf(project, `${kind}-open`)];
    expect(await told(home, twin, [PLAIN, TRICKY])).toEqual([PLAIN, TRICKY]);
    const [sealed] = await inspect(home, nameOf(project, kind));
    expect(sealed?.Config.Env).toContain("LITERAL=stays where it is");
    expect(sealed?.Config.Env.join("\n")).not.toMatch(/PLAIN|TRICKY|dotted\.name|URL|PASSWORD/);
  });
});

describe("what the services make of it", () => {
  const ask = async (service: string, ...command: readonly string[]): Promise<string> =>
    (await home.run("dso", ["exec", "-T", service, "--", ...command], { cwd: project.dir })).stdout;

  test("PostgreSQL lets in who has the password that its first start was given", async () => {
    const query = (password: string): string =>
      `PGPASSWORD="${password}" psql -h "$HOSTNAME" -U postgres -tAc "select 40 + 2"`;
    expect(await ask("postgres", "bash", "-c", query("$POSTGRES_PASSWORD"))).toBe("42\n");
    await expect(ask("postgres", "bash", "-c", query("another"))).rejects.toThrow(
      /password authentication failed/,
    );
  });

  test("Redis wants the password that its command took from the variable", async () => {
    expect(await ask("redis", "redis-cli", "ping")).toContain("NOAUTH");
    const argv = ["bash", "-c", 'redis-cli -a "$REDIS_PASSWORD" ping 2>/dev/null'];
    expect(await ask("redis", ...argv)).toBe("PONG\n");
  });

  test("a Node program reads them", async () => {
    const script = `fetch("http://127.0.0.1:8080/TRICKY").then((a) => a.text()).then((a) => process.stdout.write(a))`;
    expect(await ask("node", process.execPath, "-e", script)).toBe(TRICKY);
  });

  test("a command in shell form runs in the image's own shell, a healthcheck in no other than /bin/sh", async () => {
    expect(await ask("shell", "cat", "/tmp/tricky")).toBe(TRICKY);
    const checked = ["shell", "redis", "postgres"].map((name) => nameOf(project, name));
    for (const { State } of await inspect(home, ...checked))
      expect(State.Health?.Status).toBe("healthy");
  });

  test("`dso exec` and `dso run` have them, `docker exec` has not", async () => {
    expect(await ask("busybox", "sh", "-c", TELL)).toBe(`${TRICKY}\n`);
    const argv = ["run", "--rm", "-T", "busybox", "sh", "-c", TELL];
    expect((await home.run("dso", argv, { cwd: project.dir })).stdout).toBe(`${TRICKY}\n`);
    const args = ["exec", nameOf(project, "busybox"), "env"];
    const { stdout } = await home.run("docker", args);
    expect(stdout).toContain("LITERAL=");
    expect(stdout).not.toMatch(/^(PLAIN|TRICKY|URL|dotted)/m);
  });
});

test("Docker Compose finds nothing to do, and neither does DSO", async () => {
  await expectConverged(project);
});

test("nothing is left of it", async () => {
  await project.dso("down -v");
  expect(await project.left()).toEqual([]);
});
