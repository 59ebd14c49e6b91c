import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { createFakeSession } from "../fakes/session.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, type World } from "../reconciler/world.ts";

const compose = "name: shop\nservices: { web: { image: app:1 }, db: { image: app:1 } }\n";

/** Runs the command, and ends it as Ctrl-C does once the engine was asked to do `call`. */
async function interruptedAt(
  call: "stopContainer" | "createNetwork",
  args: readonly string[],
  prepare: (world: World) => Promise<unknown> = async () => undefined,
) {
  await using directory = await temporaryDirectory();
  const stop = new AbortController();
  const world = await createWorld(directory.path, (engine) => ({
    ...engine,
    [call]: async (...all: never[]) => {
      stop.abort();
      return (engine[call] as (...all: never[]) => Promise<unknown>)(...all);
    },
  }));
  world.engine.addImage("app:1");
  await prepare(world);
  await writeFile(join(directory.path, "compose.yaml"), compose);
  const session = createFakeSession({
    cwd: directory.path,
    signal: stop.signal,
    connect: () => Promise.resolve(world.context),
  });
  const status = await runProgram(args, session);
  const { state } = world.context;
  const [last] = await state.history("shop");
  return { said: session.written.output(), status, last, known: await state.projects() };
}

describe("interrupted between two operations", () => {
  test("a down is incomplete, and says what was not begun", async () => {
    const prepare = (world: World) => world.converge(compose);
    const ended = await interruptedAt("stopContainer", ["down"], prepare);
    const { said, status, last, known } = ended;
    expect(status).toBe(1);
    expect(said).toContain("container.web[1]: Not begun: interrupted\n");
    expect(said).not.toContain("something before it failed");
    expect(said).toMatch(/\nDestroy incomplete\. Resources: .* 0 destroyed\.\n$/);
    expect(last).toMatchObject({
      outcome: "failed",
      summary: "interrupted: 0 added, 0 changed, 0 destroyed",
    });
    expect(known).toMatchObject([{ name: "shop" }]);
  });

  test.each([
    [[], /\nApply incomplete\. Resources: 0 added/],
    [["-json"], /"Apply incomplete\. Resources: 0 added/],
  ])("an apply %j is incomplete", async (flags, summary) => {
    const args = ["apply", "-auto-approve", ...flags];
    const { said, status, last } = await interruptedAt("createNetwork", args);
    expect(status).toBe(1);
    expect(said).toMatch(summary);
    expect(last).toMatchObject({ outcome: "failed" });
    expect(last).not.toHaveProperty("model");
  });
});
