/** Users of a real database that live for seconds, under a service that logs in with them at every request. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bao, startBao } from "../servers/bao.ts";
import { mountDatabase, type Postgres, startPostgres } from "../servers/postgres.ts";
import { startAgent } from "./agency.ts";
import { createHome, type Home, type Project, ROOT } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { underLoad } from "./underLoad.ts";

const POLICY = `path "database/creds/*" { capabilities = ["read"] }
path "sys/leases/revoke" { capabilities = ["update"] }`;
/** Milliseconds that two lives of a lease may take on a busy machine. */
const LONG = 400_000;
const USER = { password: "pass-of-the-test", token_policies: ["app"], token_ttl: "1h" };

let bao: Bao;
let postgres: Postgres;

beforeAll(async () => {
  [bao, postgres] = await Promise.all([startBao(), startPostgres()]);
  await mountDatabase(bao, postgres, { app: ["24s", "48s"], long: ["1h", "2h"] });
  await bao.root("PUT", "sys/policies/acl/app", { policy: POLICY });
  await bao.root("POST", "sys/auth/userpass", { type: "userpass" });
  await bao.root("POST", "auth/userpass/users/dso", USER);
});

afterAll(async () => {
  await bao[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

const providers = (): string =>
  `db: { type: vault, engine: database, addr: "${bao.addr}", tls: { ca_cert: ${bao.caFile} }, auth: { method: userpass, username: dso, password: ${USER.password} } }`;

/** Both values of one lease, as files; the node of this machine logs in with them. */
async function appWith(home: Home, role: string): Promise<Project> {
  const image = await ensureTestImage("http");
  const socket = join(postgres.directory, `.s.PGSQL.${postgres.port}`);
  const server = join(ROOT, "test/fixtures/databaseServer.ts");
  const script = [
    "export DB_USER=$(cat /run/secrets/user) DB_PASSWORD=$(cat /run/secrets/password)",
    `DB_SOCKET=${socket} exec chroot /host ${process.execPath} ${server}`,
  ].join("; ");
  const file = (target: string, key: string): string =>
    `"dsofile://db:${role}?target=${target}#${key}"`;
  const compose = [
    "services:",
    "  web:",
    `    image: ${image}`,
    `    command: [sh, -c, ${JSON.stringify(script.replaceAll("$", "$$$$"))}]`,
    `    environment: { A: ${file("user", "username")}, B: ${file("password", "password")} }`,
    "    volumes: [/:/host:ro]",
    "    x-dso: { health: { http: { port: 8080, path: / } }, drain: 1s }",
    "  client:",
    `    image: ${image}`,
    "    command: [/bin/idle]",
    "",
  ].join("\n");
  return home.project({ "compose.yaml": compose, "dso.yaml": `providers: { ${providers()} }\n` });
}

/** What is known of leases on the disk. */
async function held(home: Home): Promise<readonly string[]> {
  const text = await readFile(join(home.path, "dso/state/leases-db.json"), "utf8");
  const { secrets } = JSON.parse(text) as {
    secrets: Record<string, { records: readonly { id: string; generation: number }[] }>;
  };
  return Object.values(secrets).flatMap(({ records }) => records.map(({ id }) => id));
}

/** What memory holds of them, by the same names. */
async function inMemory(home: Home): Promise<readonly string[]> {
  const root = join(home.path, "memory/leases");
  const [own = ""] = await readdir(root);
  return readdir(join(root, own));
}

/** The store drops a user before the agent notes that it is gone: all of it is looked at until it agrees. */
async function oneUser(home: Home, not = ""): Promise<string> {
  for (;;) {
    const [users, onDisk, memory] = [
      await postgres.users(),
      await held(home),
      await inMemory(home),
    ];
    const [user = not] = users;
    const isOne = users.length === 1 && onDisk.length === 1 && isDeepStrictEqual(memory, onDisk);
    if (isOne && user !== not) return user;
    await sleep(200);
  }
}

/** An agent that is at work gives back by itself what nobody has any more, and so does the store. */
async function expectNothingLeft(home: Home): Promise<void> {
  const left = async (): Promise<readonly (readonly string[])[]> => [
    await postgres.users(),
    await held(home),
    await inMemory(home),
  ];
  await expect.poll(left).toEqual([[], [], []]);
}

test(
  "a lease is renewed, and the service has another user before its longest time is over; no request fails",
  async () => {
    await using home = await createHome();
    const project = await appWith(home, "app");
    const { stdout, stderr } = await project.dso("up -d --wait");
    expect((stdout + stderr).replaceAll(/\s+/g, " ")).toContain('nobody renews "db:app"');
    await using agent = await startAgent(home, project, { providers: providers() });
    const loop = await underLoad(home, project, { name: "web", perSecond: 25 }, async () => {
      for (let turn = 0; turn < 2; turn++) await agent.said(/^Reconciled: /);
    });
    expect(loop.failed).toEqual({});
    expect(Object.keys(loop.heard)).toHaveLength(3);
    expect(await oneUser(home)).toBe(loop.last);
    expect(agent.log().filter(({ msg }) => /g1 live on$/.test(msg))).not.toEqual([]);
    expect(agent.log().filter(({ level }) => level === "error")).toEqual([]);
    await project.dso("down");
    await expectNothingLeft(home);
  },
  LONG,
);

test(
  "an agent is killed in the middle, and the next one goes on: nothing is left over",
  async () => {
    await using home = await createHome();
    const project = await appWith(home, "app");
    await project.dso("up -d --wait");
    const [before = ""] = await postgres.users();
    const first = await startAgent(home, project, { providers: providers() });
    await first.said(/^Rotation started/);
    await first.said(/^Step await-health/);
    await first.stop("SIGKILL");
    await using agent = await startAgent(home, project, { providers: providers() });
    await oneUser(home, before);
    expect((await project.containers()).map((line) => line.split(" ")[0])).toEqual([
      `${project.name}-client-1`,
      `${project.name}-web-1`,
    ]);
    await agent.stop("SIGTERM");
    await project.dso("down");
    await expectNothingLeft(home);
  },
  LONG,
);

test("without an agent: what is held is delivered again, and a log issues nothing", async () => {
  await using home = await createHome();
  const project = await appWith(home, "long");
  await project.dso("up -d --wait");
  const [user = ""] = await postgres.users();
  expect(await postgres.users()).toEqual([user]);
  expect((await project.dso("plan -detailed-exitcode")).stdout).toContain("No changes");
  await project.dso("apply -auto-approve -replace=service.web");
  await project.dso("logs");
  expect(await postgres.users()).toEqual([user]);
  await project.dso("down");
  await expectNothingLeft(home);
});
