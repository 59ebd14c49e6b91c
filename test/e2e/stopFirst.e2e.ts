/** Replacing a service that writes a volume, on the real engine. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAddresses } from "../../src/apply/network/addresses.ts";
import { execute } from "../../src/apply/execute.ts";
import { createJournal } from "../../src/apply/journal/journal.ts";
import { createMemoryDelivery } from "../../src/apply/memory/memory.ts";
import { createShim } from "../../src/apply/memory/shim.ts";
import { resolveConnection } from "../../src/docker/connection.ts";
import { createEngine } from "../../src/docker/engine.ts";
import type { Desired, DesiredService } from "../../src/model/desired.ts";
import type { DsoEvent } from "../../src/model/events.ts";
import { DSO } from "../../src/model/labels.ts";
import type { Plan } from "../../src/model/plan.ts";
import type { Engine } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import { fakeAnswers, fakePrograms } from "../fakes/programs.ts";
import { desiredOf, never, planOf, service, withFile } from "../apply/fixture.ts";
import { createHome } from "./cli.ts";
import { ensureTestImage } from "./image.ts";

const PROJECT = `dso-stopfirst-${randomBytes(4).toString("hex")}`;
const NAME = `${PROJECT}-db-1`;
const PORT = 20_000 + (randomBytes(2).readUInt16BE() % 10_000);
const clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }),
};
const random = { hex: (bytes: number) => randomBytes(bytes).toString("hex") };

/** Holds a lock on the volume from its start to its end: a second writer leaves a trace and dies. */
const WRITER = `
mkdir /data/lock || { echo overlap >> /data/overlap; exit 9; }
trap 'sleep 1; rmdir /data/lock; exit 0' TERM
echo "row of $VERSION" >> /data/rows
httpd -p 8080 -h /data
while :; do sleep 0.1 & wait; done`;
const FAILING = `
test ! -e /data/lock || echo overlap >> /data/overlap
echo "cannot read $(cat /run/secrets/password)"; exit 3`;

let directory: string;
let engine: Engine;
let image: string;
let events: DsoEvent[];
let secret = "first-value";

beforeAll(async () => {
  image = await ensureTestImage("user");
  directory = await mkdtemp(join(tmpdir(), "dso-e2e-"));
  engine = createEngine(await resolveConnection(process.env));
});

afterAll(async () => {
  const { containers, networks, volumes } = await engine.listProject(PROJECT, never);
  for (const { id } of containers) {
    await engine.removeContainer(id, { force: true, volumes: true }, never);
  }
  for (const { id } of networks) await engine.removeNetwork(id, never);
  for (const { name } of volumes) await engine.removeVolume(name, never);
  await engine.close();
  execFileSync("umount", ["-l", join(directory, "memory")]);
  await rm(directory, { recursive: true });
});

function database(script: string, version: string): DesiredService {
  const model = {
    image,
    user: "root",
    restart: "unless-stopped",
    command: ["/bin/sh", "-c", script],
    environment: { VERSION: version },
    networks: { default: null },
    volumes: [{ type: "volume", source: "data", target: "/data" }],
    ports: [{ target: 8080, published: String(PORT), host_ip: "127.0.0.1", protocol: "tcp" }],
  };
  return service("db", model, withFile("dsofile://db?uid=1000#password"));
}

function inProject(one: DesiredService): Desired {
  const desired = desiredOf(one);
  const networks = new Map([["default", { name: `${PROJECT}_default` }]]);
  const volumes = new Map([["data", { name: `${PROJECT}_data` }]]);
  return { ...desired, project: { ...desired.project, name: PROJECT, networks, volumes } };
}

async function run(desired: Desired, plan: Plan) {
  events = [];
  const stateDir = join(directory, "state");
  const base = join(directory, "memory");
  return execute(
    { ...plan, project: PROJECT },
    {
      desired,
      observed: {
        shim: false,
        engine: await engine.info(never),
        ...(await engine.listProject(PROJECT, never)),
        images: new Map(),
        foreignNetworks: new Map(),
        foreignVolumes: new Map(),
        details: new Map(),
        delivered: new Map(),
        lostGenerations: new Set(),
        lastApply: undefined,
      },
      engine,
      sockets: { inbound: () => Promise.resolve(undefined) },
      builder: { build: () => Promise.reject(new Error("nothing is built here")) },
      shim: createShim({ release: directory, directory }),
      delivery: createMemoryDelivery({ uid: 0, base, stateDir, sizeMiB: 4, clock, random }),
      readValues: () =>
        Promise.resolve(new Map([["local:db#password", new Secret(Buffer.from(secret))]])),
      journal: createJournal(stateDir),
      addresses: createAddresses(stateDir, clock),
      clock,
      random,
      dsoVersion: "4.0.0",
      dialect: "v2",
      hostVariables: {},
      proxies: {},
      programs: fakePrograms(),
      answers: fakeAnswers(),
      parallelism: 4,
      force: never,
    },
    (event) => void events.push(event),
    never,
  );
}

async function inContainer(...argv: string[]): Promise<string> {
  const chunks: Buffer[] = [];
  const keep = (data: Buffer) => void chunks.push(data);
  const { id } = (await engine.inspectContainer(NAME, never))!;
  await engine.exec(id, { argv, tty: false }, { output: keep, error: keep, tty: false }, never);
  return Buffer.concat(chunks).toString().trim();
}

async function replace(one: DesiredService) {
  const { id } = (await engine.inspectContainer(NAME, never))!;
  return run(
    inProject(one),
    planOf([
      {
        kind: "replace-container",
        service: "db",
        number: 1,
        name: NAME,
        method: "stop-first",
        oldId: id,
        oldName: NAME,
        expectedDowntimeMs: 2000,
      },
    ]),
  );
}

test("creates it, with a private file and an address of our half", async () => {
  const outcome = await run(
    inProject(database(WRITER, "one")),
    planOf([
      { kind: "create-network", network: "default" },
      { kind: "create-volume", volume: "data" },
      { kind: "create-container", service: "db", number: 1, name: NAME, oneShot: false },
    ]),
  );
  expect(outcome.failed).toEqual([]);
  expect(await inContainer("cat", "/run/secrets/password")).toBe("first-value");
  expect(await inContainer("stat", "-L", "-c", "%a %u %g", "/run/secrets/password")).toBe(
    "400 1000 0",
  );
  const made = (await engine.inspectContainer(NAME, never))!;
  expect(made.networks[0]?.ipv4).toMatch(/\.128$/);
  expect(JSON.stringify(made)).not.toContain("first-value");
});

test("replaces it: the row survives, no two writers meet, the downtime is told", async () => {
  const before = (await engine.inspectContainer(NAME, never))!;
  secret = "second-value";
  const outcome = await replace(database(WRITER, "two"));
  expect(outcome.failed).toEqual([]);
  await expect.poll(() => inContainer("cat", "/data/rows")).toBe("row of one\nrow of two");
  expect(await inContainer("ls", "/data")).not.toContain("overlap");
  expect(await inContainer("cat", "/run/secrets/password")).toBe("second-value");
  expect(outcome.downtimes[0]?.ms).toBeGreaterThan(1000);
  const { containers } = await engine.listProject(PROJECT, never);
  expect(containers.map(({ name }) => name)).toEqual([NAME]);
  const after = (await engine.inspectContainer(NAME, never))!;
  expect(after.id).not.toBe(before.id);
  expect(after.hostConfig.RestartPolicy?.Name).toBe("unless-stopped");
  expect(after.networks[0]?.ipv4).toMatch(/\.129$/);
  expect(after.labels[DSO.generation]).not.toBe(before.labels[DSO.generation]);
});

test("a version that fails brings the old one back, with its port and its data", async () => {
  const before = (await engine.inspectContainer(NAME, never))!;
  const outcome = await replace(database(FAILING, "three"));
  expect(outcome.failed).toMatchObject([{ error: { code: "rolled-back" } }]);
  expect(events).toContainEqual(
    expect.objectContaining({ type: "container-log", lines: ["cannot read [secret]"] }),
  );
  const after = (await engine.inspectContainer(NAME, never))!;
  expect([after.id, after.state, after.hostConfig.RestartPolicy]).toEqual([
    before.id,
    "running",
    before.hostConfig.RestartPolicy,
  ]);
  expect(await inContainer("ls", "/data")).not.toContain("overlap");
  expect(await inContainer("cat", "/run/secrets/password")).toBe("second-value");
  // It was started again just now.
  const rows = async (): Promise<string> => (await fetch(`http://127.0.0.1:${PORT}/rows`)).text();
  await expect.poll(rows).toBe("row of one\nrow of two\nrow of two\n");
  const journal = await createJournal(join(directory, "state")).list(PROJECT);
  expect(journal.map(({ status }) => status)).toEqual(["completed", "completed", "rolled_back"]);
});

test("a port that is taken is found before the old one is stopped", async () => {
  const before = (await engine.inspectContainer(NAME, never))!;
  const { createServer } = await import("node:net");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const taken = typeof address === "object" && address !== null ? address.port : 0;
  const one = database(WRITER, "four");
  const ports = [{ target: 8080, published: String(taken), host_ip: "127.0.0.1" }];
  const run = replace({ ...one, model: { ...one.model, ports } });
  await expect(run).rejects.toMatchObject({ code: "port-taken" });
  expect((await engine.inspectContainer(NAME, never))!.startedAt).toBe(before.startedAt);
  server.close();
});

/** A grace period, and when the engine checks: so long that what depends on how busy the machine is, is little. */
const SLOW = {
  /** Has to be killed, after its whole grace period. */
  stubborn: ["image: STUBBORN", "stop_grace_period: 15s"],
  /** The engine checks no sooner than after the interval. */
  checked: [
    "image: BASE",
    "stop_grace_period: 8s",
    "command: [sleep, '2147483647']",
    'healthcheck: { test: [CMD, "true"], interval: 8s }',
  ],
};

test("the downtime that the plan expects is within a factor of 2 of the measured", async () => {
  const [base, stubborn] = [await ensureTestImage("base"), await ensureTestImage("stubborn")];
  const compose = (version: string): string =>
    Object.entries(SLOW)
      .flatMap(([name, lines]) => [
        `  ${name}:`,
        ...[...lines, "volumes: [data:/data]", `environment: { VERSION: "${version}" }`].map(
          (line) => `    ${line.replace("STUBBORN", stubborn).replace("BASE", base)}`,
        ),
      ])
      .reduce((text, line) => `${text}${line}\n`, "volumes: { data: {} }\nservices:\n");
  await using home = await createHome();
  const project = await home.project({ "compose.yaml": compose("one") }, "downtime");
  await project.dso("apply -auto-approve");
  await project.write("compose.yaml", compose("two"));
  await project.dso("plan -out=changes.plan");
  const expected = expectedDowntimes((await project.dso("show -json changes.plan")).stdout);
  const measured = measuredDowntimes((await project.dso("apply -json changes.plan")).stdout);
  expect([...expected.keys()].sort()).toEqual(["container.checked[1]", "container.stubborn[1]"]);
  expect([...measured.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [address, ms] of expected) {
    const ratio = (measured.get(address) ?? 0) / ms;
    expect(ratio, `${address}: ${ratio} times as long as expected`).toBeGreaterThan(0.5);
    expect(ratio, `${address}: ${ratio} times as long as expected`).toBeLessThan(2);
  }
});

function expectedDowntimes(shown: string): ReadonlyMap<string, number> {
  const { dso } = JSON.parse(shown) as {
    dso: { changes: { address: string; expected_downtime_ms: number | null }[] };
  };
  return new Map(
    dso.changes.flatMap(({ address, expected_downtime_ms: ms }) =>
      ms === null ? [] : [[address, ms] as const],
    ),
  );
}

function measuredDowntimes(stream: string): ReadonlyMap<string, number> {
  const messages = stream
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { address?: string; downtime_ms?: number });
  return new Map(
    messages.flatMap(({ address = "", downtime_ms: ms }) =>
      ms === undefined ? [] : [[address, ms] as const],
    ),
  );
}
