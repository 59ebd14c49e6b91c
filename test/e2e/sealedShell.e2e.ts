/**
 * A release without the static program: a shell of the image brings the variables, where it has one and
 * no name stands against it; else they are exposed, or refused, as the service's policy says.
 */
import { cp, mkdir, symlink } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHome, type Home, type Project, ROOT } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import {
  composeOf,
  expectConverged,
  expectTwins,
  inspect,
  latin1,
  nameOf,
  PLAIN,
  type Running,
  told,
  TRICKY,
  variableOf,
  withTwins,
} from "./sealed.ts";
import { ensureSealedImage } from "./sealedImages.ts";
import { traceOf } from "./witness.ts";

let home: Home;
let busybox: string;
/** Runs the release without the program. */
let without: { readonly environment: Readonly<Record<string, string>> };

beforeAll(async () => {
  busybox = await ensureTestImage("base");
  home = await createHome();
  await home.setSecret("app/plain", PLAIN);
  await home.setSecret("app/tricky", `${TRICKY}\n`);
  const release = await stage(home);
  const PATH = [join(release, "bin"), home.environment["PATH"]].join(delimiter);
  without = { environment: { PATH } };
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

async function stage({ path }: Home): Promise<string> {
  const release = join(path, "release");
  const filter = (file: string): boolean => !basename(file).startsWith("shim-");
  for (const part of ["bin", "dist", "package.json"])
    await cp(join(ROOT, part), join(release, part), { recursive: true, filter });
  await mkdir(join(release, ".tools/bin"), { recursive: true });
  await symlink(process.execPath, join(release, ".tools/bin/node"));
  return release;
}

const environment = { PLAIN: "dso://app/plain", TRICKY: "dso://app/tricky", LITERAL: "as it is" };

describe("a shell of the image", () => {
  let project: Project;
  const every = { interval: "1s", retries: 1 };
  const KINDS = {
    dash: { image: "debian", user: "12345:54321", working_dir: "/usr/local/bin" },
    "dash-init": { image: "debian", init: true, command: ["x", "y 'z"] },
    busybox: { healthcheck: { test: 'test -n "$$TRICKY"', ...every }, read_only: true },
    "busybox-terminal": {
      tty: true,
      "x-dso": { health: { exec: ["sh", "-c", "env | grep -q ^PLAIN="] } },
    },
    postgres: {
      image: "postgres",
      healthcheck: { test: "pg_isready -h 127.0.0.1", ...every, retries: 60 },
      "x-dso": { health: { timeout: "120s" } },
    },
    shell: { image: "shellForm" },
  } as const;

  beforeAll(async () => {
    const services: Record<string, Readonly<Record<string, unknown>>> = {};
    for (const [name, one] of Object.entries(KINDS)) {
      const image = "image" in one ? await ensureSealedImage(one.image) : busybox;
      const own = name === "postgres" ? { POSTGRES_PASSWORD: "dso://app/plain" } : {};
      services[name] = { ...one, image, environment: { ...environment, ...own } };
    }
    project = await home.project({ "compose.yaml": composeOf(withTwins(services)) }, "shell");
    await project.dso("up -d --wait", without);
  });

  /** What a shell adds to the environment of what it runs. */
  const withoutItsOwn = ({ environment: all, ...rest }: Running): Running => {
    const kept = Object.entries(all).filter(([name]) => !["PWD", "SHLVL"].includes(name));
    return { ...rest, environment: Object.fromEntries(kept) };
  };

  test.each(Object.keys(KINDS))(
    "%s: the same runs, and the engine tells no value",
    async (name) => {
      const sealed = await expectTwins(home, project, name, withoutItsOwn);
      expect(sealed.environment).toMatchObject({ PLAIN: latin1(PLAIN), TRICKY: latin1(TRICKY) });
      expect(await told(home, [nameOf(project, name)], [PLAIN, TRICKY])).toEqual([]);
      const [one] = await inspect(home, nameOf(project, name));
      expect(one?.Config.Entrypoint?.slice(0, 2)).toEqual(["/bin/sh", "-c"]);
      expect(one?.State.Health?.Status ?? "healthy").toBe("healthy");
    },
  );

  test("`dso exec` and `dso run` have the variables, `docker exec` has not", async () => {
    const options = { cwd: project.dir, ...without };
    const argv = ["-T", "busybox", "sh", "-c", 'echo "$TRICKY"'];
    for (const command of [["exec"], ["run", "--rm"]])
      expect((await home.run("dso", [...command, ...argv], options)).stdout).toBe(`${TRICKY}\n`);
    const args = ["exec", nameOf(project, "busybox"), "env"];
    expect((await home.run("docker", args)).stdout).not.toContain("PLAIN");
  });

  test("its signal and its exit code are the program's", async () => {
    await home.run("docker", ["stop", "-t", "8", nameOf(project, "dash")]);
    const [one] = await inspect(home, nameOf(project, "dash"));
    expect(one?.State.ExitCode).toBe(7);
    await home.run("docker", ["start", nameOf(project, "dash")]);
    expect(await variableOf(home, project, "dash", "PLAIN")).toBe(latin1(PLAIN));
  });

  test("Docker Compose finds nothing to do, nor does either release of DSO", async () => {
    expect((await project.dso("plan -detailed-exitcode", without)).stdout).toContain("No changes");
    await expectConverged(project);
  });
});

describe("where no shell can do it", () => {
  /** By whom it is known, and what is said about it. */
  const CASES = [
    ["a name of the image is none of a shell", "dotted", "plan", /`docker inspect` shows\s+it/],
    ["there is no shell", "bare", "apply", /its image has no \/bin\/sh/],
  ] as const;

  const imageOf = (kind: "dotted" | "bare"): Promise<string> =>
    kind === "bare" ? ensureTestImage("bare") : ensureSealedImage("dotted");

  const compose = async (kind: "dotted" | "bare", env: string): Promise<string> => {
    const image = await imageOf(kind);
    return composeOf({ web: { image, environment, "x-dso": { env } } });
  };

  test.each(CASES)("%s: exposed, with a warning", async (_, kind, when, words) => {
    const files = { "compose.yaml": await compose(kind, "auto") };
    const project = await home.project(files, "open");
    const plan = await project.dso("plan", without);
    if (when === "plan") expect(plan.stdout).toMatch(words);
    else expect(plan.stdout).toMatch(/a shell of its image\s+seals its variables/);
    const { stdout, stderr } = await project.dso("apply -auto-approve", without);
    expect(stdout + stderr).toMatch(words);
    expect(await told(home, [nameOf(project, "web")], [PLAIN])).toEqual([PLAIN]);
    for (const [name, value] of Object.entries({ PLAIN, TRICKY }))
      expect(await variableOf(home, project, "web", name)).toBe(latin1(value));
    expect((await project.dso("plan -detailed-exitcode", without)).stdout).toContain("No changes");
  });

  test.each(CASES)("%s: refused where it must be sealed", async (_, kind) => {
    const project = await home.project({ "compose.yaml": await compose(kind, "exposed") }, "must");
    await project.dso("up -d --wait", without);
    const before = await traceOf(home, project);
    await project.write("compose.yaml", await compose(kind, "sealed"));
    const refused = await project.dso("apply -auto-approve", { ...without, status: 1 });
    expect(refused.stderr).toMatch(/its variables cannot be sealed/);
    expect(refused.stderr).toContain("dsofile://");
    expect(await traceOf(home, project)).toEqual(before);
    expect(await told(home, [nameOf(project, "web")], [PLAIN])).toEqual([PLAIN]);

    const fresh = await home.project({ "compose.yaml": await compose(kind, "sealed") }, "fresh");
    await fresh.dso("apply -auto-approve", { ...without, status: 1 });
    const { containers, generations } = await traceOf(home, fresh);
    expect({ containers, generations }).toEqual({
      containers: [],
      generations: before.generations,
    });
  });
});

test("another policy is a change, there and back", async () => {
  const compose = (env: string): string =>
    composeOf({
      web: { image: busybox, environment, "x-dso": { env, health: { exec: ["true"] } } },
    });
  const project = await home.project({ "compose.yaml": compose("exposed") }, "policy");
  await project.dso("up -d --wait");
  const web = nameOf(project, "web");
  for (const [env, shown] of [
    ["sealed", []],
    ["exposed", [PLAIN]],
    ["auto", []],
  ] as const) {
    await project.write("compose.yaml", compose(env));
    const { stdout } = await project.dso("plan -detailed-exitcode", { status: 2 });
    expect(stdout).toContain("delivery_changed: its variables were");
    await project.dso("apply -auto-approve");
    expect(await told(home, [web], [PLAIN])).toEqual(shown);
    expect(await variableOf(home, project, "web", "PLAIN")).toBe(latin1(PLAIN));
    await expectConverged(project);
  }
});
