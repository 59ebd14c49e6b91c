import { readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { createFakeSession } from "../fakes/session.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never } from "../reconciler/world.ts";

const compose = "name: shop\nservices: { web: { image: app:1, restart: always } }\n";

test("-detailed-exitcode tells of what is to do, or with -refresh-only of what has drifted", async () => {
  await using directory = await temporaryDirectory();
  const { context, engine, converge } = await createWorld(directory.path);
  engine.addImage("app:1");
  await writeFile(join(directory.path, "compose.yaml"), compose);
  const code = (...flags: readonly string[]): Promise<number> => {
    const connect = () => Promise.resolve(context);
    const session = createFakeSession({ cwd: directory.path, connect });
    return runProgram(["plan", "-detailed-exitcode", ...flags], session);
  };
  expect([await code(), await code("-refresh-only")]).toEqual([2, 0]);
  await converge(compose);
  expect([await code(), await code("-refresh-only")]).toEqual([0, 0]);
  await engine.stopContainer("shop-web-1", undefined, never);
  expect([await code(), await code("-refresh-only")]).toEqual([2, 2]);
});

test("shows what the files say that may not be meant", async () => {
  await using directory = await temporaryDirectory();
  const { context, engine } = await createWorld(directory.path);
  engine.addImage("app:1");
  const unset = compose.replace("restart", 'hostname: "a${UNSET}", restart');
  await writeFile(join(directory.path, "compose.yaml"), unset);
  const connect = () => Promise.resolve(context);
  for (const argv of [["plan"], ["up", "-d"], ["up", "-d"], ["plan", "-json"]]) {
    const session = createFakeSession({ cwd: directory.path, connect });
    expect(await runProgram(argv, session)).toBe(0);
    const text = session.written.output();
    expect(text).toMatch(/Warning: the variable UNSET is not set: it becomes an empty text/);
    expect(text).toContain("compose.yaml");
  }
});

test("-out says at once where no plan can be saved, and replaces nothing but a plan", async () => {
  await using directory = await temporaryDirectory();
  const { context, engine } = await createWorld(directory.path);
  engine.addImage("app:1");
  const at = (name: string): string => join(directory.path, name);
  await writeFile(at("compose.yaml"), compose);
  await symlink("/dev/null", at("null"));
  const save = async (out: string) => {
    const connect = () => Promise.resolve(context);
    const session = createFakeSession({ cwd: directory.path, connect });
    await runProgram(["plan", `-out=${out}`], session);
    return session.written;
  };
  for (const [out, message] of [
    ["none/x", `No plan can be saved in ${at("none")}: it does not exist.`],
    ["compose.yaml/x", `${at("compose.yaml")}: it is no directory.`],
    ["compose.yaml", `${at("compose.yaml")} is no plan of dso`],
    [".", "is a directory"],
    ["null", "is no regular file"],
  ] as const) {
    const { output, error } = await save(out);
    expect(output()).toBe("");
    expect(error()).toContain(message);
    expect(error()).toContain("Name another file with -out.");
  }
  expect(await readFile(at("compose.yaml"), "utf8")).toBe(compose);
  await writeFile(at("changes.plan"), "");
  for (let run = 0; run < 2; run++) {
    expect((await save("changes.plan")).output()).toContain("Saved the plan to: changes.plan");
  }
});
