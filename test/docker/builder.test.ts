import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildCommand } from "../../src/docker/buildArguments.ts";
import { createBuilder } from "../../src/docker/builder.ts";
import { resolveConnection } from "../../src/docker/connection.ts";
import type { BuildRequest } from "../../src/model/ports.ts";
import { never } from "../contract/setting.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const request = (build: BuildRequest["build"], more: Partial<BuildRequest> = {}): BuildRequest => ({
  tag: "shop-web",
  labels: {},
  build,
  ...more,
});

const argvOf = (build: BuildRequest["build"], more: Partial<BuildRequest> = {}): string =>
  buildCommand(request(build, more), {}, "buildkit").argv.join(" ");

describe("the arguments of a build", () => {
  test("carry every field", () => {
    const build = {
      ...{ context: "/src", dockerfile: "docker/App.dockerfile", target: "prod", network: "host" },
      ...{ labels: { a: "1" }, cache_from: ["c:1"], cache_to: ["type=inline"], shm_size: "64" },
      ...{ extra_hosts: ["h=1.2.3.4"], tags: ["t:2"], ssh: ["default", "k=/k"] },
      ...{ additional_contexts: { lib: "/lib" }, no_cache: true, pull: true },
      platforms: ["linux/amd64"],
    };
    expect(argvOf(build, { labels: { b: "2" } })).toBe(
      "buildx build --load --progress plain --tag shop-web --tag t:2 " +
        "--file /src/docker/App.dockerfile --target prod --label a=1 --label b=2 " +
        "--cache-from c:1 --cache-to type=inline --network host --shm-size 64 " +
        "--add-host h:1.2.3.4 --platform linux/amd64 --ssh default --ssh k=/k " +
        "--build-context lib=/lib --no-cache --pull -- /src",
    );
  });

  test("leave a dockerfile inside a remote context", () => {
    const context = "https://github.com/a/b.git#main";
    expect(argvOf({ context, dockerfile: "x/Dockerfile" })).toContain("--file x/Dockerfile --");
  });

  test("keep the values of arguments out, but for names that would steer docker itself", () => {
    const args = { TOKEN: "t0ken", EMPTY: "", INHERITED: null, UNSET: null, LD_PRELOAD: "/x.so" };
    const command = buildCommand(request({ context: "/src", args }), { INHERITED: "i" }, "classic");
    expect(command.argv.join(" ")).toBe(
      "build --force-rm --tag shop-web --build-arg TOKEN --build-arg EMPTY --build-arg INHERITED " +
        "--build-arg LD_PRELOAD=/x.so -- /src",
    );
    expect(command.environment).toEqual({ TOKEN: "t0ken", EMPTY: "", INHERITED: "i" });
  });

  test("give build secrets by file or by a variable of our own", () => {
    const secrets = new Map([
      ["file", { file: "/a,b" }],
      ["token", { environment: "PATH" }],
    ]);
    const build = {
      context: "/",
      secrets: [{ source: "file", target: "/run/secrets/f" }, { source: "token" }],
    };
    const command = buildCommand(request(build, { secrets }), { PATH: "v4lue" }, "buildkit");
    expect(command.argv.join(" ")).toContain(
      '--secret id=f,"src=/a,b" --secret id=token,env=DSO_BUILD_SECRET_1',
    );
    expect(command.environment).toEqual({ DSO_BUILD_SECRET_1: "v4lue" });
  });

  test("refuse a build secret that is nowhere, and a field that would be dropped", () => {
    expect(() => argvOf({ secrets: [{ source: "s" }] })).toThrow(/"s"/);
    expect(() => argvOf({ isolation: "hyperv" })).toThrow(/build\.isolation/);
  });
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
