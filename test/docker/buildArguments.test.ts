import { describe, expect, test } from "vitest";
import { buildCommand } from "../../src/docker/buildArguments.ts";
import { chooseBuilder } from "../../src/docker/buildFields.ts";
import type { BuildRequest } from "../../src/model/build.ts";

type Build = BuildRequest["build"];

const request = (build: Build, more: Partial<BuildRequest> = {}): BuildRequest => ({
  ...{ tag: "shop-web", labels: {}, build },
  positionOf: (field) => ({ file: field, line: 1, column: 1 }),
  ...more,
});

/** As the builder that is chosen gets them, where BuildKit is at hand. */
function argvOf(
  build: Build,
  more: Partial<BuildRequest> = {},
  env: Readonly<Record<string, string>> = {},
): string {
  const wanted = request(build, more);
  return buildCommand(wanted, env, chooseBuilder(wanted, true)).argv.join(" ");
}

describe("the arguments of a build", () => {
  test("carry every field that BuildKit knows", () => {
    const build = {
      ...{ context: "/src", dockerfile: "docker/App.dockerfile", target: "prod", network: "host" },
      ...{ labels: { a: "1" }, cache_from: ["c:1"], cache_to: ["type=inline"], shm_size: "64" },
      ...{ extra_hosts: ["h=1.2.3.4", "h6=::1"], tags: ["t:2"], ssh: ["default", "k=/k"] },
      ...{ additional_contexts: { lib: "/lib" }, no_cache: true, pull: true, privileged: true },
      ...{ platforms: ["linux/amd64"], ulimits: { nproc: 5, nofile: { soft: 10, hard: 20 } } },
      ...{ entitlements: ["network.host"], no_cache_filter: ["x", "y"], isolation: "default" },
      ...{ provenance: "mode=max", sbom: "true" },
    };
    expect(argvOf(build, { labels: { b: "2" } })).toBe(
      "buildx build --load --progress plain --tag shop-web --tag t:2 " +
        "--file /src/docker/App.dockerfile --label a=1 --label b=2 --platform linux/amd64 " +
        "--target prod --cache-from c:1 --network host --shm-size 64 --ulimit nproc=5 " +
        "--ulimit nofile=10:20 --add-host h:1.2.3.4 --add-host h6:::1 --no-cache --pull " +
        "--cache-to type=inline --no-cache-filter x --no-cache-filter y --allow network.host " +
        "--allow security.insecure --provenance mode=max --sbom true --ssh default --ssh k=/k " +
        "--build-context lib=/lib -- /src",
    );
  });

  test("go to the classic builder for what it alone can do", () => {
    expect(argvOf({ context: "/", isolation: "process", network: "shop_default" })).toBe(
      "build --force-rm --tag shop-web --label com.docker.compose.image.builder=classic " +
        "--network shop_default --isolation process -- /",
    );
  });

  test("leave a dockerfile inside a remote context", () => {
    for (const context of ["https://github.com/a/b.git#main", "git@h:a/b", "ssh://h/a"]) {
      expect(argvOf({ context, dockerfile: "x/Dockerfile" })).toContain("--file x/Dockerfile --");
    }
  });

  test("ask for one platform: the service's, the user's, or the only one", () => {
    const platforms = ["linux/amd64", "linux/arm64"];
    expect(argvOf({ platforms })).not.toContain("--platform");
    expect(argvOf({ platforms }, { platform: "linux/arm64" })).toContain("--platform linux/arm64");
    const env = { DOCKER_DEFAULT_PLATFORM: "linux/amd64" };
    expect(argvOf({}, {}, env)).toContain("--platform linux/amd64");
    expect(() => argvOf({ platforms: ["linux/s390x"] }, {}, env)).toThrow(
      expect.objectContaining({ code: "compose-invalid", position: expect.anything() as unknown }),
    );
  });

  test("keep the values of arguments out, but for names that would steer docker itself", () => {
    const args = { TOKEN: "t0ken", EMPTY: "", INHERITED: null, UNSET: null, LD_PRELOAD: "/x.so" };
    const command = buildCommand(
      request({ context: "/src", args }),
      { INHERITED: "i" },
      "buildkit",
    );
    expect(command.argv.join(" ")).toContain(
      "--tag shop-web --build-arg TOKEN --build-arg EMPTY --build-arg INHERITED " +
        "--build-arg LD_PRELOAD=/x.so -- /src",
    );
    expect(command.environment).toEqual({ TOKEN: "t0ken", EMPTY: "", INHERITED: "i" });
  });

  test.each([
    ...["SSH_PRIVATE_KEY", "DOCKER_PASSWORD", "DOCKER_AUTH_CONFIG", "GIT_TOKEN", "GOPROXY"],
    "BUILDX_BAKE_GIT_AUTH_TOKEN",
  ])("keep %s out, which is a secret and steers nothing", (name) => {
    const command = buildCommand(request({ args: { [name]: "s3cret" } }), {}, "classic");
    expect(command.argv.join(" ")).not.toContain("s3cret");
    expect(command.environment).toEqual({ [name]: "s3cret" });
  });

  test.each(["SSH_ASKPASS", "DOCKER_HOST", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "GODEBUG"])(
    "do not let %s steer what docker starts",
    (name) => {
      const command = buildCommand(request({ args: { [name]: "x" } }), {}, "classic");
      expect(command.environment).toEqual({});
    },
  );
});

describe("the secrets of a build", () => {
  const secrets = new Map([
    ["file", { file: "/a,b" }],
    ["token", { environment: "PATH" }],
  ]);

  test("come by file or by a variable of our own", () => {
    const grants = [
      { source: "file", target: "/run/secrets/f", mode: "0400" },
      { source: "token" },
    ];
    const wanted = request({ context: "/", secrets: grants }, { secrets });
    const command = buildCommand(wanted, { PATH: "v4lue" }, "buildkit");
    expect(command.argv.join(" ")).toContain(
      '--secret id=f,"src=/a,b" --secret id=token,env=DSO_BUILD_SECRET_1',
    );
    expect(command.environment).toEqual({ DSO_BUILD_SECRET_1: "v4lue" });
  });

  test.each([
    [{ source: "none" }, "build-failed", "has no file"],
    [{ source: "token" }, "build-failed", "PATH, which is not set"],
    [{ source: "file", mode: "0440" }, "compose-unsupported", 'the mode "0440"'],
    [{ source: "file", uid: "1000" }, "compose-unsupported", 'the uid "1000"'],
  ])("%j is refused where it stands", (grant, code, words) => {
    expect(() => argvOf({ secrets: [grant] }, { secrets })).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringContaining(words) as string,
        position: { file: "secrets", line: 1, column: 1 },
      }),
    );
  });
});

describe("a builder that cannot do it is named, with the field and its place", () => {
  const refused = (build: Build, buildkit: boolean): unknown => {
    try {
      return chooseBuilder(request(build), buildkit);
    } catch (error) {
      const { message, position } = error as { message: string; position?: { file: string } };
      return `${position?.file}: ${message}`;
    }
  };

  test.each([
    { secrets: [{ source: "s" }] },
    { ssh: ["default"] },
    { additional_contexts: { a: "/b" } },
    { cache_to: ["type=inline"] },
    { no_cache_filter: ["x"] },
    { entitlements: ["network.host"] },
    { privileged: true },
    { provenance: "true" },
    { sbom: "generator=x" },
  ])("%j without BuildKit", (build) => {
    const [field] = Object.keys(build);
    expect(refused(build, false)).toBe(
      `${field}: shop-web cannot be built: build.${field} needs BuildKit`,
    );
    expect(refused(build, true)).toBe("buildkit");
  });

  test("two that exclude each other, and one that nobody knows", () => {
    expect(refused({ isolation: "hyperv", ssh: ["default"] }, true)).toBe(
      "isolation: shop-web cannot be built: build.isolation needs the classic builder, and build.ssh needs BuildKit",
    );
    expect(refused({ novelty: 1 }, true)).toBe("novelty: build.novelty is not supported");
    expect(refused({ privileged: false, sbom: "false", ssh: [], "x-a": 1 }, false)).toBe("classic");
  });
});
