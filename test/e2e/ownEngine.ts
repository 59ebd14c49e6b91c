/**
 * An engine of a test's own, that may be ended and started again: data, socket, bridge and firewall are
 * its own, in a network namespace that outlives it. Wants root, and `dockerd` and `iptables` here.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface OwnEngine extends AsyncDisposable {
  /** What DOCKER_HOST is to be. */
  readonly host: string;
  /** Enters the network that its containers are reached in: put before a program and its arguments. */
  readonly within: readonly string[];
  /** SIGKILL, and nobody is told. */
  kill(): Promise<void>;
  /** Starts it unless it runs, and waits until it answers. */
  start(): Promise<void>;
}

const ANSWER_TRIES = 240;

export async function createOwnEngine(): Promise<OwnEngine> {
  // Not below a file system in memory: layers cannot lie on some of these.
  const home = await mkdtemp("/var/tmp/dso-own-engine-");
  const holder = spawn(
    "unshare",
    ["--net", "sh", "-c", "ip link set lo up && exec sleep infinity"],
    {
      stdio: "ignore",
    },
  );
  await once(holder, "spawn");
  const within = ["nsenter", `--net=/proc/${holder.pid}/ns/net`];
  await untilApart(holder.pid ?? 0);
  await writeFile(join(home, "daemon.json"), "{}");
  const engine = { home, within, firewall: await firewallOf(home, within) };
  let daemon: ChildProcess | undefined;
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (daemon === undefined) return;
    const gone = once(daemon, "exit");
    daemon.kill(signal);
    await gone;
    daemon = undefined;
  };
  const host = `unix://${join(home, "docker.sock")}`;
  return {
    host,
    within,
    kill: () => kill("SIGKILL"),
    start: async () => {
      daemon ??= await startDaemon(engine, host);
    },
    async [Symbol.asyncDispose]() {
      await kill("SIGTERM");
      holder.kill("SIGKILL");
      await run("umount", ["--recursive", join(home, "data")]).catch(() => undefined);
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Until then the process is still in the network of its parent. */
async function untilApart(pid: number): Promise<void> {
  const here = await run("readlink", ["/proc/self/ns/net"]);
  for (;;) {
    // Rejects once that process is gone.
    const there = await run("readlink", [`/proc/${pid}/ns/net`]);
    if (there.stdout !== here.stdout) return;
    await sleep(20);
  }
}

/** As script/engine finds it out: kernels without nf_tables have the older tables, or none. */
async function firewallOf(home: string, within: readonly string[]): Promise<readonly string[]> {
  const works = async (program: string): Promise<boolean> => {
    const [enter, ...rest] = [...within, program, "-t", "nat", "-nL"] as const;
    return run(enter, rest).then(
      () => true,
      () => false,
    );
  };
  if (await works("iptables")) return [];
  if (!(await works("iptables-legacy"))) return ["--iptables=false"];
  await mkdir(join(home, "bin"));
  for (const name of ["iptables", "ip6tables"]) {
    const { stdout } = await run("which", [`${name}-legacy`]);
    await symlink(stdout.trim(), join(home, "bin", name));
  }
  return [];
}

interface Setting {
  readonly home: string;
  readonly within: readonly string[];
  readonly firewall: readonly string[];
}

async function startDaemon(
  { home, within, firewall }: Setting,
  host: string,
): Promise<ChildProcess> {
  const [enter = "", ...rest] = within;
  const argv = [...rest, "dockerd", "--config-file", join(home, "daemon.json"), "--host", host];
  argv.push("--data-root", join(home, "data"), "--exec-root", join(home, "exec"));
  argv.push("--pidfile", join(home, "pid"), "--exec-opt", "native.cgroupdriver=cgroupfs");
  const programs = [process.env["DSO_ENGINE_PROGRAMS"], join(home, "bin"), process.env["PATH"]];
  const PATH = programs.filter((one) => one !== undefined && one !== "").join(delimiter);
  // Of one that was killed: its number may be another process's by now, and the engine would not start.
  await rm(join(home, "pid"), { force: true });
  const log = await open(join(home, "log"), "a");
  const stdio = ["ignore", log.fd, log.fd] as const;
  const daemon = spawn(enter, [...argv, ...firewall], {
    env: { ...process.env, PATH },
    stdio: [...stdio],
  });
  await once(daemon, "spawn");
  await log.close();
  for (let tries = 0; tries < ANSWER_TRIES && daemon.exitCode === null; tries++) {
    if (await answers(host)) return daemon;
    await sleep(250);
  }
  daemon.kill("SIGKILL");
  throw new Error(
    `the engine does not start:\n${(await readFile(join(home, "log"), "utf8")).slice(-3000)}`,
  );
}

function answers(host: string): Promise<boolean> {
  return run("docker", ["--host", host, "version"]).then(
    () => true,
    () => false,
  );
}
