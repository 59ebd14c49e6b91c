import { writeFile } from "node:fs/promises";
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
