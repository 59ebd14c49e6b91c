/** What the process of the agent lets others see of its memory. */
import { mkdir, readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startAgent } from "./agency.ts";
import { createHome } from "./cli.ts";

const COMPOSE = "services: { web: { image: dso-test/none, profiles: [never] } }\n";
/** Listening, in the kernel's table of TCP sockets. */
const LISTEN = "0A";

test("no signal opens an inspector or writes a heap, whatever NODE_OPTIONS says, and no core is dumped", async () => {
  await using home = await createHome();
  const project = await home.project({ "compose.yaml": COMPOSE }, "quiet");
  const NODE_OPTIONS = "--heapsnapshot-signal=SIGUSR2 --report-on-signal --report-signal=SIGHUP";
  await using agent = await startAgent(home, project, { environment: { NODE_OPTIONS } });
  process.kill(agent.pid, "SIGUSR1");
  await sleep(500);
  expect(await listening(agent.pid)).toEqual([]);
  expect(await readFile(`/proc/${agent.pid}/limits`, "utf8")).toMatch(
    /^Max core file size +0 +0 /m,
  );
  const files = await readdir(project.dir);
  process.kill(agent.pid, "SIGUSR2");
  await sleep(500);
  expect(await readdir(project.dir)).toEqual(files);
});

test("what others have in NODE_OPTIONS goes on to Node where it shows nothing", async () => {
  await using home = await createHome();
  const place = join(home.path, "nowhere");
  await mkdir(place);
  const told = await home.run("dso", ["version"], {
    cwd: place,
    environment: { NODE_OPTIONS: "--no-deprecation" },
  });
  expect(told.stderr).toBe("");
});

test("nobody else gets near the agent's socket", async () => {
  await using home = await createHome();
  const project = await home.project({ "compose.yaml": COMPOSE }, "quiet");
  await using agent = await startAgent(home, project);
  expect(agent.pid).toBeGreaterThan(0);
  const directory = join(home.environment["DSO_HOME"]!, "run");
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  expect((await stat(join(directory, "agent.sock"))).isSocket()).toBe(true);
});

/** Ports of all addresses at which the process takes connections. */
async function listening(pid: number): Promise<readonly number[]> {
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((table) => readFile(`/proc/${pid}/net/${table}`, "utf8")),
  );
  const own = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
    own.add(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "");
  }
  return tables
    .flatMap((table) => table.trim().split("\n").slice(1))
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === LISTEN && own.has(inode ?? ""))
    .map(([, address]) => Number.parseInt(address?.split(":")[1] ?? "", 16));
}
