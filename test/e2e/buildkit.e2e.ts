/** Builds of compose files by BuildKit and by the classic builder, on the real engine. */
import { execFileSync } from "node:child_process";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHome, type Home, type Project, ROOT } from "./cli.ts";
import { ensureTestImage } from "./image.ts";

const BUILDKIT = { DOCKER_BUILDKIT: "1" };
let home: Home;

beforeAll(async () => {
  await ensureTestImage();
  home = await createHome();
  await symlink(buildx(), join(home.path, ".docker/cli-plugins/docker-buildx"));
  const proxies = { default: { httpProxy: "http://proxy.invalid:1" } };
  await writeFile(join(home.path, ".docker/config.json"), JSON.stringify({ proxies }));
});

afterAll(() => home[Symbol.asyncDispose]());

/** script/test sets it, because a private engine has no way out. */
function buildx(): string {
  const script = join(ROOT, "script/buildx");
  return process.env.DSO_BUILDX ?? execFileSync(script, { encoding: "utf8" }).trim();
}

async function inspect(image: string, format: string): Promise<string> {
  return (await home.run("docker", ["image", "inspect", "--format", format, image])).stdout.trim();
}

async function said(project: Project, service: string): Promise<string> {
  return (await home.run("docker", ["logs", `${project.name}-${service}-1`])).stdout;
}

const LONG_FORM = `
services:
  lib:
    build: { context: lib }
    scale: 0
  web:
    build:
      context: .
      dockerfile_inline: |
        FROM dso-test/busybox:1 AS base
        RUN echo from-base > /base
        FROM base AS prod
        ARG WHO
        ARG SOURCE_DATE_EPOCH
        COPY --from=lib /lib.txt /out/lib
        COPY --from=more /here /out/more
        RUN --mount=type=secret,id=token cp /run/secrets/token /out/token
        RUN --mount=type=secret,id=renamed cp /run/secrets/renamed /out/renamed
        RUN echo "$$WHO $$SOURCE_DATE_EPOCH $$http_proxy" > /out/args
        RUN grep other.host /etc/hosts > /out/hosts; ulimit -n > /out/ulimit; df /dev/shm > /out/shm
        CMD cd /out; grep "" *; cat /base
        FROM base AS never
        RUN exit 1
      target: prod
      args: { WHO: you }
      additional_contexts: { lib: "service:lib", more: ./more }
      secrets: [{ source: token }, { source: text, target: renamed, mode: 0400 }]
      labels: { mine: "1" }
      extra_hosts: [other.host=10.9.8.7]
      ulimits: { nofile: { soft: 77, hard: 88 } }
      shm_size: 8m
      no_cache_filter: [prod]
      network: none
      tags: ["dso-test/\${COMPOSE_PROJECT_NAME}:second"]
      platforms: [linux/amd64, linux/arm64]
      provenance: false
    restart: "no"
secrets:
  token: { environment: BUILD_TOKEN }
  text: { file: ./secret.txt }
`;

test("BuildKit gets the whole long form, and what another service is it reads first", async () => {
  const project = await home.project({
    "compose.yaml": LONG_FORM,
    "secret.txt": "from-a-file\n",
    "lib/Dockerfile": "FROM scratch\nCOPY lib.txt /lib.txt\n",
    "lib/lib.txt": "from-lib\n",
    "more/here": "from-more\n",
  });
  const environment = { ...BUILDKIT, BUILD_TOKEN: "from-a-variable", SOURCE_DATE_EPOCH: "86400" };
  const built = await project.dso("up -d", { environment });
  expect(built.stdout + built.stderr).not.toContain("from-a-variable");
  await expect.poll(() => said(project, "web")).toContain("from-base");
  const out = await said(project, "web");
  for (const [file, text] of Object.entries({
    args: "you 86400 http://proxy.invalid:1",
    hosts: "10.9.8.7",
    lib: "from-lib",
    more: "from-more",
    renamed: "from-a-file",
    shm: "8192",
    token: "from-a-variable",
    ulimit: "77",
  })) {
    expect(out).toMatch(new RegExp(`${file}:.*${text}`));
  }
  const tag = `dso-test/${project.name}:second`;
  const labels = JSON.parse(await inspect(tag, "{{json .Config.Labels}}")) as object;
  expect(labels).toEqual({
    mine: "1",
    "com.docker.compose.project": project.name,
    "com.docker.compose.service": "web",
    "com.docker.compose.version": expect.any(String) as string,
    "dso.test.recipe": expect.any(String) as string,
  });
  expect(await inspect(`${project.name}-lib`, "{{len .RootFS.Layers}}")).toBe("1");
  await home.run("docker", ["image", "rm", tag]);
});

test("what only the classic builder can do goes to it; what the one at hand cannot do is named with its place", async () => {
  const build = "build: { context: ., dockerfile_inline: FROM dso-test/busybox:1,";
  const project = await home.project({
    "compose.yaml": `services:\n  web:\n    ${build} network: none, ulimits: { nproc: 99 } }\n`,
  });
  await project.dso("up -d");
  const classic = '{{index .Config.Labels "com.docker.compose.image.builder"}}';
  expect(await inspect(`${project.name}-web`, classic)).toBe("classic");
  await project.write("compose.yaml", `services:\n  web:\n    ${build} no_cache_filter: [x] }\n`);
  const refused = await project.dso("up -d --build", { status: 1 });
  expect(refused.stderr).toContain("build.no_cache_filter needs BuildKit");
  expect(refused.stderr).toContain("compose.yaml:3:");
  await project.write(
    "compose.yaml",
    `services:\n  web:\n    ${build} isolation: process, ssh: [default] }\n`,
  );
  const both = await project.dso("up -d --build", { status: 1, environment: BUILDKIT });
  expect(both.stderr).toContain("build.isolation needs the classic builder");
  expect(await project.containers()).toHaveLength(1);
  const reference = "secrets: { s: { external: true, name: 'dso://local:db#password' } }";
  await project.write(
    "compose.yaml",
    `services:\n  web:\n    ${build} secrets: [s] }\n${reference}\n`,
  );
  const secret = await project.dso("plan", { status: 1 });
  expect(secret.stderr).toContain('secret "s" is the reference dso://local:db#password');
  expect(secret.stderr).toContain("compose.yaml:3:");
});

test("an image is built where it is missing, and again when asked for or as its policy", async () => {
  const compose = (policy: string): string =>
    `services:\n  web:\n    build: .\n    ${policy}\n    x-dso: { drain: 0s, health: { exec: ["true"] } }\n`;
  const project = await home.project({ "compose.yaml": compose("") });
  await project.write("Dockerfile", "FROM dso-test/busybox:1\nLABEL mark=one\n");
  const mark = (): Promise<string> =>
    inspect(`${project.name}-web`, '{{index .Config.Labels "mark"}}');
  await project.dso("up -d", { environment: BUILDKIT });
  await project.write("Dockerfile", "FROM dso-test/busybox:1\nLABEL mark=two\n");
  await project.dso("up -d", { environment: BUILDKIT });
  expect(await mark()).toBe("one");
  await project.dso("up -d --build", { environment: BUILDKIT });
  expect(await mark()).toBe("two");
  await project.dso("plan -detailed-exitcode", { environment: BUILDKIT });
});
