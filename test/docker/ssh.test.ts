import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { resolveConnection } from "../../src/docker/connection.ts";
import { createEngine } from "../../src/docker/engine.ts";
import { never } from "../contract/setting.ts";
import { httpEngine } from "../fixtures/httpEngine.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

/** An `ssh` that notes its arguments and runs `script` instead of going anywhere. */
async function fakeSsh(directory: string, script: string): Promise<void> {
  const path = join(directory, "ssh");
  const note = `require("fs").appendFileSync(${JSON.stringify(join(directory, "argv"))}, process.argv.slice(2).join(" ") + "\\n");`;
  await writeFile(path, `#!${process.execPath}\n${note}\n${script}\n`);
  await chmod(path, 0o755);
}

test("goes to another host through the user's ssh, with one connection for all calls", async () => {
  await using directory = await temporaryDirectory();
  await using server = await httpEngine((_, response) => response.end("[]"));
  const socket = server.connection.endpoint.slice("unix://".length);
  const script = `const s = require("net").connect(${JSON.stringify(socket)}); process.stdin.pipe(s).pipe(process.stdout);`;
  await fakeSsh(directory.path, script);
  const env = { PATH: directory.path, DOCKER_HOST: "ssh://me@far.example:2222" };
  const engine = createEngine(await resolveConnection(env));
  expect(await engine.listNetworks(never)).toEqual([]);
  expect(await engine.listNetworks(never)).toEqual([]);
  await engine.close();
  expect(await readFile(join(directory.path, "argv"), "utf8")).toBe(
    "-o ConnectTimeout=30 -T -l me -p 2222 -- far.example docker system dial-stdio\n",
  );
});

test("tells what ssh said when it fails", async () => {
  await using directory = await temporaryDirectory();
  await fakeSsh(
    directory.path,
    `console.error("Host key verification failed."); process.exit(255);`,
  );
  const env = { PATH: directory.path, DOCKER_HOST: "ssh://far.example" };
  const engine = createEngine(await resolveConnection(env));
  await expect(engine.listNetworks(never)).rejects.toMatchObject({
    code: "engine-unreachable",
    message: expect.stringContaining("Host key verification failed.") as string,
  });
  await engine.close();
});
