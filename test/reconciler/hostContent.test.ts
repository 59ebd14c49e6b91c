import { execFileSync } from "node:child_process";
import { readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Desired } from "../../src/model/desired.ts";
import { DEFAULT_PLAN_OPTIONS, type Reason } from "../../src/model/plan.ts";
import { apply, plan, type Run } from "../../src/reconciler/reconcile.ts";
import { rollbackTarget } from "../../src/reconciler/rollback.ts";
import { load } from "../../src/reconciler/load.ts";
import type { ProjectRequest } from "../../src/reconciler/request.ts";
import { readSavedPlan, savePlan, verifySavedPlan } from "../../src/reconciler/savedPlan.ts";
import { projectStatus } from "../../src/reconciler/status.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never, opened, requestOf, type World } from "./world.ts";

interface Scene extends World {
  readonly file: string;
  readonly key: string;
  readonly compose: (level?: string) => string;
}

/** A service with a secret of a provider, a file and a variable of the host, applied once. */
async function withHostContent(work: (scene: Scene) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  const file = join(directory.path, "cert#1.pem");
  const compose = (level = "one"): string => `
services:
  web:
    image: app:1
    environment: { LOG: ${level}, PASSWORD_FILE: "dsofile://db#password" }
    secrets: [cert, token]
secrets:
  cert: { file: ${JSON.stringify(file)} }
  token: { environment: TOKEN }
`;
  world.engine.addImage("app:1");
  world.variables["TOKEN"] = "first token";
  await writeFile(file, "first cert");
  await world.converge(compose());
  const key = join(world.context.paths.stateDir, "fingerprint.key");
  await work({ ...world, file, key, compose });
}

function why({ plan: { changes } }: Run): readonly Reason[] {
  return changes.flatMap(({ reasons }) => reasons);
}

function nameOf(file: string): string {
  return file.replaceAll("#", "%23");
}

function delivered({ generations }: World): Readonly<Record<string, string>> {
  return Object.assign({}, ...[...generations.values()].map(({ versions }) => versions)) as Record<
    string,
    string
  >;
}

describe("what the host holds", () => {
  it("is delivered anew once it is another, and then nothing is left to do", () =>
    withHostContent(async (scene) => {
      const { file, compose, variables } = scene;
      expect(why(await scene.plan(compose()))).toEqual([]);
      await writeFile(file, "second cert");
      expect(why(await scene.converge(compose()))).toEqual([
        { code: "config_content_changed", detail: nameOf(file) },
      ]);
      variables["TOKEN"] = "second token";
      expect(why(await scene.converge(compose()))).toEqual([
        { code: "config_content_changed", detail: "$TOKEN" },
      ]);
      expect(why(await scene.plan(compose()))).toEqual([]);
    }));

  it("is remembered as a keyed fingerprint, whose key only its owner reads", () =>
    withHostContent(async (scene) => {
      const { file, key, compose, variables } = scene;
      expect((await stat(key)).mode & 0o777).toBe(0o600);
      expect((await readFile(key)).length).toBe(32);
      await writeFile(file, "alike");
      variables["TOKEN"] = "alike";
      await scene.converge(compose());
      const { [nameOf(file)]: cert, $TOKEN: token } = delivered(scene);
      expect(cert).toMatch(/^[0-9a-f]{32}$/);
      expect(token).toMatch(/^[0-9a-f]{32}$/);
      expect(token).not.toBe(cert);
    }));

  it("is no reason to replace what was made before fingerprints were kept", () =>
    withHostContent(async (scene) => {
      for (const [id, request] of scene.generations) {
        const { "local:db#password": version = "" } = request.versions;
        scene.generations.set(id, { ...request, versions: { "local:db#password": version } });
      }
      await writeFile(scene.file, "second cert");
      expect(why(await scene.plan(scene.compose()))).toEqual([]);
    }));

  it("is an error where it cannot be read, all of it at once", () =>
    withHostContent(async (scene) => {
      await rm(scene.file);
      delete scene.variables["TOKEN"];
      const failed = scene.plan(scene.compose());
      await expect(failed).rejects.toMatchObject({
        code: "compose-invalid",
        message: expect.stringContaining(scene.file) as string,
        others: [{ message: expect.stringContaining("$TOKEN") as string }],
      });
    }));

  it("is refused where it has no end, or gives its content only once", () =>
    withHostContent(async (scene) => {
      const { file, compose } = scene;
      await rm(file);
      await symlink("/dev/zero", file);
      await expect(scene.plan(compose())).rejects.toThrow(/cert.* has more than 16 MiB/);
      await rm(file);
      execFileSync("mkfifo", [file]);
      await expect(scene.plan(compose())).rejects.toThrow(/cert.* is a pipe/);
    }));

  it("refuses a key that is none", () =>
    withHostContent(async (scene) => {
      await writeFile(scene.key, "short", { mode: 0o600 });
      await expect(scene.plan(scene.compose())).rejects.toMatchObject({ code: "state-corrupt" });
    }));

  it("has one key when several make it at once", () =>
    withHostContent(async (scene) => {
      await rm(scene.key);
      const runs = await Promise.all([1, 2, 3, 4].map(() => scene.plan(scene.compose())));
      const found = runs.map(({ desired }) => desired.versions.get("$TOKEN"));
      expect(new Set(found).size).toBe(1);
    }));

  it("makes a saved plan stale", () =>
    withHostContent(async (scene) => {
      const path = join(scene.context.home, "changes.plan");
      await savePlan(scene.context, await scene.plan(scene.compose("two")), path);
      await writeFile(scene.file, "second cert");
      const saved = await readSavedPlan(scene.context, path);
      const again = await scene.plan(scene.compose("two"));
      await expect(verifySavedPlan(scene.context, path, saved, again)).rejects.toMatchObject({
        code: "plan-stale",
      });
    }));

  it("stands in the status with what is current and what was delivered", () =>
    withHostContent(async (scene) => {
      const before = delivered(scene)["$TOKEN"];
      scene.variables["TOKEN"] = "second token";
      const [registered] = await scene.context.state.projects();
      const request = requestOf(scene.compose());
      const status = await projectStatus(scene.context, { ...registered!, request }, never);
      expect(status.sync).toBe("out-of-sync");
      const shown = status.secrets.find(({ name }) => name === "$TOKEN");
      expect(shown?.delivered).toEqual([before]);
      expect(shown?.current).not.toBe(before);
    }));
});

describe("a variable that only .env has", () => {
  const compose = (level: string): string => `
name: shop
services: { web: { image: "app:1", environment: { LOG: ${level} }, secrets: [token] } }
secrets: { token: { environment: TOKEN } }
`;
  const files = (directory: string): ProjectRequest => ({
    ...requestOf(""),
    ...{ cwd: directory, files: [join(directory, "compose.yaml")], stdin: undefined },
  });

  /** Applies it, and tells by its fingerprint what was given. */
  async function given(world: World, desired: Desired, request: ProjectRequest) {
    const report = (): void => undefined;
    const { context } = world;
    const options = DEFAULT_PLAN_OPTIONS;
    const run = await plan(context, request, opened(desired), options, report, never);
    const { failed } = await apply(context, run, { parallelism: 4, force: never, report }, never);
    expect(failed).toEqual([]);
    return desired.versions.get("$TOKEN");
  }

  it("is given, unless the process has it, and after a rollback too", async () => {
    await using directory = await temporaryDirectory();
    const world = await createWorld(directory.path);
    const { context, variables } = world;
    world.engine.addImage("app:1");
    const request = files(directory.path);
    const applied = async (level: string) => {
      await writeFile(join(directory.path, "compose.yaml"), compose(level));
      return given(world, await load(context, request, never), request);
    };
    await writeFile(join(directory.path, ".env"), "TOKEN=of-the-file\n");
    const first = await applied("one");
    variables["TOKEN"] = "of-the-process";
    expect(await applied("two")).not.toBe(first);
    delete variables["TOKEN"];
    const { desired } = await rollbackTarget(context, "shop", undefined, never);
    expect(await given(world, desired, request)).toBe(first);
    variables["TOKEN"] = "of-the-file";
    expect(await applied("three")).toBe(first);
  });
});

describe("a rollback", () => {
  it("leaves what the host holds as it is now", () =>
    withHostContent(async (scene) => {
      await scene.converge(scene.compose("two"));
      await writeFile(scene.file, "second cert");
      await scene.converge(scene.compose("two"));
      const current = delivered(scene)[nameOf(scene.file)];
      // The last two applies differ in the file alone, so the one before them is meant.
      const { desired, revision } = await rollbackTarget(scene.context, "shop", undefined, never);
      expect(revision).toBe(1);
      expect(desired.versions.get(nameOf(scene.file))).toBe(current);
      const report = (): void => undefined;
      const request = requestOf("");
      const options = DEFAULT_PLAN_OPTIONS;
      const run = await plan(scene.context, request, opened(desired), options, report, never);
      expect(why(run).map(({ code }) => code)).toEqual(["env_changed"]);
      const { failed } = await scene.apply(run);
      expect(failed).toEqual([]);
    }));
});
