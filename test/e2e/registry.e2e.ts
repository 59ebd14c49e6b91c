/** Images of a real registry that wants a login. */
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { AUTH, PASSWORD, type Registry, startRegistry, USER } from "./registry.ts";

let registry: Registry;
let home: Home;

beforeAll(async () => {
  registry = await startRegistry();
  home = await createHome();
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

async function logIn(config: object): Promise<void> {
  await mkdir(join(home.path, ".docker"), { recursive: true });
  await writeFile(join(home.path, ".docker/config.json"), JSON.stringify(config));
}

/** Prints what is given, and ends with the code. */
async function giveHelper(says: string, code = 0): Promise<{ readonly PATH: string }> {
  const bin = join(home.path, "helpers");
  await mkdir(bin, { recursive: true });
  const path = join(bin, "docker-credential-e2e");
  await writeFile(path, `#!/bin/sh\ncat >${bin}/asked\necho '${says}'\nexit ${code}\n`);
  await chmod(path, 0o755);
  return { PATH: `${bin}:${home.environment["PATH"] ?? ""}` };
}

function serviceOf(name: string, image: string, more: string): string {
  const quick = 'x-dso: { drain: 0s, health: { exec: ["true"] } }';
  return `  ${name}:\n    image: ${registry.host}/${image}\n    ${more}\n    ${quick}\n`;
}

async function projectOf(image: string, more = ""): Promise<Project> {
  return home.project({ "compose.yaml": `services:\n${serviceOf("web", image, more)}` });
}

async function markOf(project: Project, service = "web"): Promise<string> {
  const found = await project.containers();
  const [, id = ""] = found.find((one) => one.includes(`-${service}-`))?.split(" ") ?? [];
  const format = '{{ index .Config.Labels "mark" }}';
  return (await home.run("docker", ["inspect", "--format", format, id])).stdout.trim();
}

describe("a private image", () => {
  test("is denied without a login, comes with one that is stored, and nothing says the password", async () => {
    await registry.publish("private/stored:1", "one");
    const project = await projectOf("private/stored:1");
    await logIn({});
    const denied = await project.dso("up -d", { status: 1 });
    expect(denied.stderr).toContain(`cannot pull "${registry.host}/private/stored:1"`);
    expect(denied.stderr).toContain("docker login");
    expect(denied.stderr).toContain("compose.yaml:3:");
    await logIn({
      auths: { [registry.host]: { auth: Buffer.from("ann:wrong-Pa55").toString("base64") } },
    });
    const wrong = await project.dso("up -d", { status: 1 });
    expect(wrong.stdout + wrong.stderr).not.toContain("wrong-Pa55");
    await logIn({ auths: { [`http://${registry.host}/v2/`]: { auth: AUTH } } });
    await project.dso("up -d");
    expect(await markOf(project)).toBe("one");
  });

  test("comes with a helper's login, and what a helper says is not repeated", async () => {
    await registry.publish("private/helped:1", "one");
    const project = await projectOf("private/helped:1");
    await logIn({ credHelpers: { [registry.host]: "e2e" } });
    const none = await giveHelper("credentials not found in native keychain", 1);
    const denied = await project.dso("up -d", { status: 1, environment: none });
    expect(denied.stderr).toContain("cannot pull");
    const junk = await giveHelper(`${USER} ${PASSWORD}-junk`);
    const failed = await project.dso("up -d", { status: 1, environment: junk });
    expect(failed.stderr).toContain("docker-credential-e2e did not answer with a login");
    expect(failed.stdout + failed.stderr).not.toContain(`${PASSWORD}-junk`);
    const good = await giveHelper(JSON.stringify({ Username: USER, Secret: PASSWORD }));
    await project.dso("up -d", { environment: good });
    expect(await markOf(project)).toBe("one");
    await rm(join(home.path, "helpers"), { recursive: true });
  });
});

test("a newer image of the same tag is rolled out where it is asked for; else what is here stays", async () => {
  const names = ["always", "timed", "plain"] as const;
  const policies = { always: "pull_policy: always", timed: "pull_policy: every_1s", plain: "" };
  const publish = async (mark: string): Promise<void> => {
    for (const name of names) await registry.publish(`app/${name}:1`, mark);
  };
  const text = names.map((name) => serviceOf(name, `app/${name}:1`, policies[name])).join("");
  await logIn({ auths: { [registry.host]: { auth: AUTH } } });
  await publish("one");
  const project = await home.project({ "compose.yaml": `services:\n${text}` });
  await project.dso("up -d");
  await publish("two");
  await project.dso("up -d");
  const marks = (): Promise<readonly string[]> =>
    Promise.all(names.map((name) => markOf(project, name)));
  expect(await marks()).toEqual(["two", "two", "one"]);
  expect((await project.dso("plan -detailed-exitcode")).stdout).toContain("No changes");
  const asked = await project.dso("up -d --pull always");
  expect(asked.stdout).toContain("image_changed: its registry has another one");
  expect(await marks()).toEqual(["two", "two", "two"]);
});

test("a registry that is down stops nothing, and is named", async () => {
  await logIn({ auths: { [registry.host]: { auth: AUTH } } });
  await registry.publish("app/down:1", "one");
  const project = await projectOf("app/down:1", "pull_policy: always");
  await project.dso("up -d");
  const before = await project.containers();
  await registry.stop();
  try {
    const kept = await project.dso("up -d");
    expect(kept.stdout + kept.stderr).toContain("whether there is a newer image");
    const failed = await project.dso("up -d --force-recreate", { status: 1 });
    expect(failed.stderr).toContain(
      `the registry of "${registry.host}/app/down:1" cannot be reached`,
    );
    expect(await project.containers()).toEqual(before);
    const absent = await projectOf("app/absent:1", "pull_policy: never");
    const never = await absent.dso("up -d", { status: 1 });
    expect(never.stderr).toContain("compose.yaml:4:");
    expect(never.stderr).toContain("is not to be pulled");
    expect(await absent.left()).toEqual([]);
    const built = await projectOf(
      "app/built:1",
      "build: { dockerfile_inline: FROM dso-test/busybox:1 }",
    );
    const instead = await built.dso("up -d");
    expect(instead.stdout + instead.stderr).toContain("it is built instead");
    expect(await built.containers()).toHaveLength(1);
  } finally {
    await registry.start();
  }
});
