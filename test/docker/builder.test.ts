import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createBuilder } from "../../src/docker/builder.ts";
import { resolveConnection } from "../../src/docker/connection.ts";
import type { BuildRequest } from "../../src/model/build.ts";
import { never } from "../contract/setting.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const request = (build: BuildRequest["build"], more: Partial<BuildRequest> = {}): BuildRequest => ({
  tag: "shop-web",
  labels: {},
  build,
  ...more,
});

describe("a build", () => {
  /** A `docker` that writes down how it was called; `rest` is what it does then. */
  async function program(directory: string, rest: string, buildx = false): Promise<string> {
    const path = join(directory, "docker");
    const text = `#!/bin/sh
[ "$1 $2" = "buildx version" ] && exit ${buildx ? 0 : 1}
echo "$@" > ${directory}/argv
env > ${directory}/env
cat > ${directory}/input
${rest}
`;
    await writeFile(path, text);
    await chmod(path, 0o755);
    return path;
  }

  const env = {
    PATH: "/usr/bin:/bin",
    HOME: "/h",
    VAULT_TOKEN: "s3cret",
    DOCKER_HOST: "tcp://h:1",
  };

  async function build(
    more: BuildRequest,
    docker: string,
    signal = never,
  ): Promise<readonly string[]> {
    const connection = await resolveConnection(env);
    const told: string[] = [];
    const builder = createBuilder({ connection, env, dockerProgram: docker });
    await builder.build(more, (line) => told.push(line), signal);
    return told;
  }

  test("tells what the program says, without its control characters", async () => {
    await using directory = await temporaryDirectory();
    const docker = await program(directory.path, `printf 'Step 1\\n\\033[1mred\\n'; echo oops >&2`);
    const told = await build(request({ dockerfile_inline: "FROM x\n", args: { A: "v" } }), docker);
    expect([...told].sort()).toEqual(["Step 1", "oops", "red"]);
    expect(await readFile(join(directory.path, "input"), "utf8")).toBe("FROM x\n");
    const environment = await readFile(join(directory.path, "env"), "utf8");
    expect(environment).toContain("DOCKER_HOST=tcp://h:1\n");
    expect(environment).toContain("DOCKER_BUILDKIT=0\n");
    expect(environment).toContain("A=v\n");
    expect(environment).not.toContain("s3cret");
  });

  test("keeps back the advice to undo what it did itself", async () => {
    await using directory = await temporaryDirectory();
    const advice = [
      "DEPRECATED: The legacy builder is deprecated and will be removed in a future release.",
      "            BuildKit is currently disabled; enable it by removing the DOCKER_BUILDKIT=0",
      "            environment-variable.",
    ];
    const says = advice.map((line) => `echo '${line}' >&2`).join("; ");
    const docker = await program(directory.path, `${says}; echo 'Step 1'`);
    expect(await build(request({}), docker)).toEqual(["Step 1"]);
  });

  test("fails with the program's last words", async () => {
    await using directory = await temporaryDirectory();
    const docker = await program(directory.path, "echo 'COPY failed: no such file' >&2; exit 3");
    await expect(build(request({}), docker)).rejects.toMatchObject({
      code: "build-failed",
      message: "the build of shop-web failed (exit code 3):\nCOPY failed: no such file",
    });
  });

  test("uses BuildKit where it is, and refuses by name what needs it where it is not", async () => {
    await using directory = await temporaryDirectory();
    const wanting = request({ ssh: ["default"] });
    const classic = await program(directory.path, "");
    await expect(build(wanting, classic)).rejects.toMatchObject({
      code: "build-failed",
      message: "shop-web cannot be built: build.ssh needs BuildKit",
    });
    await build(wanting, await program(directory.path, "", true));
    expect(await readFile(join(directory.path, "argv"), "utf8")).toMatch(/^buildx build --load/);
  });

  test("says that the program is missing", async () => {
    await expect(build(request({}), "/nowhere/docker")).rejects.toMatchObject({
      code: "build-failed",
      message: 'the program "/nowhere/docker" is not installed',
    });
  });

  test("ends the program when told to stop", async () => {
    await using directory = await temporaryDirectory();
    const docker = await program(directory.path, "echo going; exec sleep 100");
    const reason = new Error("enough");
    const stop = new AbortController();
    const connection = await resolveConnection(env);
    const builder = createBuilder({ connection, env, dockerProgram: docker });
    const building = builder.build(request({}), () => stop.abort(reason), stop.signal);
    await expect(building).rejects.toBe(reason);
  });
});
