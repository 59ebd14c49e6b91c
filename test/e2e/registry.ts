/** A real registry on this host that wants a login, and images in it. */
import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, ROOT } from "./cli.ts";
import { ensureTestImage } from "./image.ts";

const run = promisify(execFile);

/** The registry's only user. */
export const USER = "ann";
export const PASSWORD = "pw";
/** The password as the registry keeps it: bcrypt, which Node does not make. */
const HASH = "$2y$05$abcdefghijklmnopqrstuuHIrMEWpUCQe2YqFR3sXwQ75u4od..9q";

/** What Docker's config.json holds of a login. */
export const AUTH = Buffer.from(`${USER}:${PASSWORD}`).toString("base64");

export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:port`, which engines talk to without TLS. */
  readonly host: string;
  /** Puts an image there by this name and tag, another one for each `mark`, and takes it from the engine. */
  publish(name: string, mark: string): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startRegistry(): Promise<Registry> {
  const directory = await mkdtemp(join(tmpdir(), "dso-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  await writeFile(join(directory, "config.yml"), settings(directory, host));
  await writeFile(join(directory, "htpasswd"), `${USER}:${HASH}\n`);
  await mkdir(join(directory, "docker"));
  const logins = JSON.stringify({ auths: { [host]: { auth: AUTH } } });
  await writeFile(join(directory, "docker/config.json"), logins);
  const docker = (...args: readonly string[]): Promise<unknown> =>
    run("docker", ["--config", join(directory, "docker"), ...args], {
      env: { ...process.env, DOCKER_BUILDKIT: "0" },
    });
  let server: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    const running = server;
    server = undefined;
    if (running === undefined) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    running.kill();
    await gone;
  };
  const start = async (): Promise<void> => {
    server = spawn(program(), ["serve", join(directory, "config.yml")], { stdio: "ignore" });
    while (!(await answers(host))) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await start();
  return {
    host,
    publish: async (name, mark) => {
      const base = await ensureTestImage();
      const lines = [`FROM ${base}`, `LABEL mark=${mark}`].join("\n");
      await writeFile(join(directory, "Dockerfile"), lines);
      const tag = `${host}/${name}`;
      await docker("build", "--quiet", "--tag", `${tag}-new`, directory);
      const before = await imageId(tag);
      await docker("tag", `${tag}-new`, tag);
      await docker("push", "--quiet", tag);
      // As if another machine had pushed it: this engine still has what it had by the name.
      await docker("image", "rm", tag, `${tag}-new`);
      if (before !== "") await docker("tag", before, tag);
    },
    stop,
    start,
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(directory, { recursive: true });
      const { stdout } = await run("docker", ["image", "ls", "-q", `${host}/*/*`]);
      const left = [...new Set(stdout.split("\n").filter((id) => id !== ""))];
      if (left.length > 0) await run("docker", ["image", "rm", "--force", ...left]);
    },
  };
}

async function imageId(reference: string): Promise<string> {
  const { stdout } = await run("docker", ["image", "ls", "--quiet", "--no-trunc", reference]);
  return stdout.trim();
}

async function answers(host: string): Promise<boolean> {
  try {
    return (await fetch(`http://${host}/v2/`)).status === 401;
  } catch {
    return false;
  }
}

/** script/test sets it, because a private engine has no way out. */
function program(): string {
  const script = join(ROOT, "script/registry");
  return process.env.DSO_REGISTRY ?? execFileSync(script, { encoding: "utf8" }).trim();
}

function settings(directory: string, host: string): string {
  return `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${directory}/data } }
http: { addr: ${host} }
auth: { htpasswd: { realm: test, path: ${directory}/htpasswd } }
`;
}
