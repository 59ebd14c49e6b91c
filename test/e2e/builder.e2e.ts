import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createBuilder } from "../../src/docker/builder.ts";
import { resolveConnection } from "../../src/docker/connection.ts";
import { createEngine } from "../../src/docker/engine.ts";
import { never } from "../contract/setting.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { ensureTestImage, removeImage } from "./image.ts";

async function scene() {
  const connection = await resolveConnection(process.env);
  return {
    tag: `dso-test/built-${randomBytes(4).toString("hex")}:1`,
    engine: createEngine(connection),
    builder: createBuilder({ connection, env: process.env, dockerProgram: "docker" }),
  };
}

test("builds from a directory, with arguments and labels", async () => {
  const { tag, engine, builder } = await scene();
  await using directory = await temporaryDirectory();
  const base = await ensureTestImage();
  const dockerfile = `FROM ${base}\nARG WHO\nCOPY hello /hello\nRUN echo "$WHO" >> /hello\n`;
  await writeFile(join(directory.path, "App.dockerfile"), dockerfile);
  await writeFile(join(directory.path, "hello"), "hello\n");
  const build = { context: directory.path, dockerfile: "App.dockerfile", args: { WHO: "you" } };
  const told: string[] = [];
  try {
    await builder.build({ tag, build, labels: { a: "b" } }, (line) => told.push(line), never);
    expect(told.length).toBeGreaterThan(0);
    expect((await engine.readImageFile(tag, "/hello", never))?.toString()).toBe("hello\nyou\n");
  } finally {
    await removeImage(tag);
    await engine.close();
  }
});

test("builds from a Dockerfile that stands in the compose file", async () => {
  const { tag, engine, builder } = await scene();
  await using directory = await temporaryDirectory();
  const inline = `FROM ${await ensureTestImage()}\nUSER app\n`;
  const build = { context: directory.path, dockerfile_inline: inline };
  try {
    await builder.build({ tag, build, labels: {} }, () => undefined, never);
    expect((await engine.inspectImage(tag, never))?.user).toBe("app");
  } finally {
    await removeImage(tag);
    await engine.close();
  }
});

test("tells what the builder said when it fails", async () => {
  const { tag, engine, builder } = await scene();
  await using directory = await temporaryDirectory();
  const inline = `FROM ${await ensureTestImage()}\nRUN echo the-reason; exit 9\n`;
  const build = { context: directory.path, dockerfile_inline: inline };
  const attempt = builder.build({ tag, build, labels: {} }, () => undefined, never);
  await expect(attempt).rejects.toMatchObject({
    code: "build-failed",
    message: expect.stringContaining("the-reason") as string,
  });
  expect(await engine.inspectImage(tag, never)).toBeUndefined();
  await engine.close();
});
