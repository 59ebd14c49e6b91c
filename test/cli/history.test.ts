import { expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { createFakeSession, type FakeSession } from "../fakes/session.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, type World } from "../reconciler/world.ts";

const compose = "services: { web: { image: app:1 } }\n";

function sessionOf({ context }: World): FakeSession {
  return createFakeSession({ connect: () => Promise.resolve(context) });
}

test("tells what was done to a project, also once it was taken down", async () => {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1");
  await world.converge(compose);
  await world.converge(compose, { mode: "destroy" });
  const session = sessionOf(world);
  expect(await runProgram(["history", "-p", "shop"], session)).toBe(0);
  expect(session.written.output()).toMatch(/\n2 .*destroyed.*\n1 .*applied/);
  await expect(runProgram(["hold", "-p", "shop"], sessionOf(world))).rejects.toThrow("taken down");
});
