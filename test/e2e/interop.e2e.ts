/** Docker Compose, the oldest and the newest, on projects of ours; and we on projects of theirs. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";

const VALUE = "interop-value-4711";

let home: Home;

beforeAll(async () => {
  for (const kind of ["base", "http", "health"] as const) await ensureTestImage(kind);
  home = await createHome();
  await home.setSecret("shop/password", VALUE);
  await home.setSecret("shop/token", `${VALUE}-token`);
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

/** What people write, as far as all three programs understand it. */
const COMMON = {
  "web.env": 'FROM_FILE=one\nQUOTED="two words"\n',
  "html/index.html": "mounted\n",
  "certificate.pem": "a file of the project\n",
};

const WITHOUT_SECRETS = `
services:
  web:
    image: dso-test/http:1
    ports: ["127.0.0.1::8080"]
    env_file: web.env
    environment: { MODE: "\${MODE:-production}" }
    volumes:
      - ./html:/www/html:ro
    networks:
      front: { aliases: [shopfront] }
      back:
    depends_on:
      db: { condition: service_healthy }
      migrate: { condition: service_completed_successfully }
    labels: { team: shop, "odd.label": "a=b & <c>" }
    deploy: { resources: { limits: { memory: 64M, cpus: "0.5" } } }
    restart: unless-stopped
  db:
    image: dso-test/busybox:1
    command: [sh, -c, "echo started; exec idle"]
    volumes: ["data:/data", "/scratch"]
    networks: [back]
    healthcheck: { test: [CMD, "true"], interval: 1s, start_period: 5s }
    secrets: [certificate]
    ulimits: { nofile: { soft: 1024, hard: 2048 } }
  migrate:
    image: dso-test/busybox:1
    command: [sh, -c, "echo migrated"]
    networks: [back]
  worker:
    image: dso-test/busybox:1
    scale: 3
    networks: [back]
    stop_grace_period: 3s
    tmpfs: [/cache]
  sidecar:
    image: dso-test/busybox:1
    network_mode: service:db
networks:
  front:
  back: { internal: true }
volumes:
  data:
secrets:
  certificate: { file: ./certificate.pem }
`;

const WITH_SECRETS = `${WITHOUT_SECRETS}
  outside: { external: true, name: "dso://shop/token" }
`
  .replace(
    "MODE:",
    'PASSWORD_FILE: "dsofile://shop/password", DATABASE_URL: "x://app:{{dso://shop/password}}@db", MODE:',
  )
  .replace("tmpfs: [/cache]", "tmpfs: [/cache]\n    secrets: [{ source: outside, target: token }]");

describe("docker-compose 1.29.2 on a project of ours", () => {
  const FILE = `version: "3.8"
services:
  web:
    image: dso-test/http:1
    environment: { PASSWORD_FILE: "dsofile://shop/password" }
    depends_on: [db]
  db:
    image: dso-test/busybox:1
    command: [sh, -c, "echo the database says hello; exec idle"]
    volumes: ["data:/data"]
volumes: { data: }
`;
  let project: Project;

  beforeAll(async () => {
    project = await home.project({ "docker-compose.yml": FILE }, "oldest");
    await project.dso("up -d");
  });

  it("lists the containers", async () => {
    const { stdout } = await project.oldest("ps");
    expect(stdout).toMatch(new RegExp(`^${project.name}-web-1 .* Up`, "m"));
    expect(stdout).toMatch(new RegExp(`^${project.name}-db-1 .* Up`, "m"));
  });

  it("shows what they print", async () => {
    // It was started, and says so when it comes to it.
    await expect
      .poll(async () => (await project.oldest("logs --no-color db")).stdout)
      .toContain("the database says hello");
  });

  it("stops and starts them, and they stay the same", async () => {
    const before = await project.containers();
    await project.oldest("stop -t 60");
    const { stdout: stopped } = await project.oldest("ps");
    expect(stopped.match(/Exit 0/g)).toHaveLength(2);
    await project.oldest("start");
    const { stdout: started } = await project.oldest("ps");
    expect(started.match(/ Up /g)).toHaveLength(2);
    expect(await project.containers()).toEqual(before);
    const secret = await home.run("docker", [
      "exec",
      `${project.name}-web-1`,
      "cat",
      "/run/secrets/shop/password",
    ]);
    expect(secret.stdout).toBe(VALUE);
    await project.dso("plan -detailed-exitcode");
  });

  it("takes all of it down", async () => {
    expect(await project.left()).toHaveLength(4);
    await project.oldest("down -v");
    expect(await project.left()).toEqual([]);
  });
});

describe("the newest Docker Compose on a project of ours", () => {
  let project: Project;

  beforeAll(async () => {
    project = await home.project({ "compose.yaml": WITH_SECRETS, ...COMMON }, "newest");
    await project.dso("up -d");
  });

  it("finds nothing to do in `up -d`, however often", async () => {
    const before = await project.containers();
    expect(before).toHaveLength(7);
    await project.newest("up -d");
    await project.newest("up -d --remove-orphans");
    expect(await project.containers()).toEqual(before);
    await project.dso("plan -detailed-exitcode");
  });

  it("sees what runs, what ended, and every replica", async () => {
    const { stdout } = await project.newest("ps -a --format json");
    const rows = stdout
      .trim()
      .split("\n")
      .map(
        (line) =>
          JSON.parse(line) as {
            readonly Service: string;
            readonly State: string;
            readonly Health: string;
          },
      );
    expect(
      rows.map(({ Service, State, Health }) => `${Service} ${State} ${Health}`.trim()).sort(),
    ).toEqual([
      "db running healthy",
      "migrate exited",
      "sidecar running",
      "web running",
      "worker running",
      "worker running",
      "worker running",
    ]);
  });

  it("has the hash of every service that we wrote", async () => {
    const { stdout } = await project.newest("config --hash *");
    // Its `config --hash` reads no env_file and resolves no service: reference; its `up` does both.
    const plain = stdout
      .trim()
      .split("\n")
      .filter((line) => !/^(web|sidecar) /.test(line));
    expect(plain).toHaveLength(3);
    const format = `{{ index .Config.Labels "com.docker.compose.config-hash" }}`;
    for (const line of plain) {
      const [service = ""] = line.split(" ");
      const args = ["inspect", "-f", format, `${project.name}-${service}-1`];
      const label = (await home.run("docker", args)).stdout.trim();
      expect(`${service} ${label}`).toBe(line);
    }
  });

  it("takes all of it down", async () => {
    expect(await project.left()).toHaveLength(10);
    await project.newest("down -v");
    expect(await project.left()).toEqual([]);
  });
});

describe("a project that the newest Docker Compose made", () => {
  const BUILT = `services:
  built:
    build: { context: ./built, args: { GREETING: hi } }
    networks: [back]
  files:
    image: dso-test/busybox:1
    networks: [back]
    secrets: [from_variable]
    configs: [{ source: inline, target: /etc/inline.ini }]`;
  const BUILD = `${WITHOUT_SECRETS.replace("services:", BUILT)}  from_variable: { environment: HOME }
configs:
  inline: { content: "greeting = hi" }
`;
  const DOCKERFILE = 'FROM dso-test/busybox:1\nARG GREETING\nRUN echo "$GREETING" > /greeting\n';
  let project: Project;

  beforeAll(async () => {
    const files = { "compose.yaml": BUILD, "built/Dockerfile": DOCKERFILE, ...COMMON };
    project = await home.project(files, "theirs");
    await project.newest("up -d");
  });

  it("needs nothing: the plan is empty and `up` keeps every container", async () => {
    const before = await project.containers();
    expect(before).toHaveLength(9);
    const plan = await project.dso("plan -detailed-exitcode");
    expect(plan.stdout).toContain("No changes");
    await project.dso("up -d");
    expect(await project.containers()).toEqual(before);
    await project.newest("up -d");
    expect(await project.containers()).toEqual(before);
  });

  it("is ours to change from then on", async () => {
    const before = await project.containers();
    await project.write("compose.yaml", BUILD.replace("team: shop", "team: other"));
    await project.dso("up -d");
    const after = await project.containers();
    const moved = after.filter((line) => !before.includes(line)).map((line) => line.split(" ")[0]);
    expect(moved).toEqual([`${project.name}-web-1`]);
    await project.newest("up -d");
    expect(await project.containers()).toEqual(after);
  });

  it("goes away by our `down -v`, network and volume too", async () => {
    await project.dso("down -v");
    expect(await project.left()).toEqual([]);
  });
});
