/** Docker's credential helpers: programs that keep the logins of registries. */
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { DsoError, hasCode } from "../model/errors.ts";

/** As the engine wants it, without the address of the registry. */
export type Login =
  | { readonly username: string; readonly password: string }
  | { readonly identitytoken: string }
  | { readonly registrytoken: string };

/** It may ask a person to unlock a keyring, or a cloud for a token. */
const PATIENCE = 30_000;
/** What it has started may hold its output open once it has ended. */
const REST = 1000;
/** Tokens of clouds are a few KiB. */
const MAX_ANSWER = 256 * 1024;

/** What a helper says where it has none of this registry; anything else it says is a failure. */
const NONE = /credentials not found/i;

/**
 * The login of `registry` that `docker-credential-<helper>` keeps; undefined where it has none.
 * Rejects with `engine-refused` where the program is missing, does not end, fails or says what
 * cannot be read; never with what it said, which may be a password.
 */
export async function askHelper(
  helper: string,
  registry: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Login | undefined> {
  const program = `docker-credential-${helper}`;
  // As a part of a path it would name any program.
  if (/[/\\\0]/.test(helper)) throw failure(program, registry, "is no name of a helper");
  const { code, text } = await run(program, registry, env, signal);
  if (code !== 0) {
    if (NONE.test(text)) return undefined;
    throw failure(program, registry, `ended with ${code}`);
  }
  const login = parseLogin(text);
  if (login === "none") return undefined;
  if (login === undefined) throw failure(program, registry, "did not answer with a login");
  return login;
}

function parseLogin(text: string): Login | "none" | undefined {
  try {
    const told: unknown = JSON.parse(text);
    if (typeof told !== "object" || told === null) return undefined;
    const { Username, Secret } = told as Readonly<Record<string, unknown>>;
    if (typeof Username !== "string" || typeof Secret !== "string") return undefined;
    if (Username === "" && Secret === "") return "none";
    return Username === "<token>"
      ? { identitytoken: Secret }
      : { username: Username, password: Secret };
  } catch {
    return undefined;
  }
}

type Helper = ChildProcessByStdio<Writable, Readable, null>;

async function run(
  program: string,
  registry: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ readonly code: number; readonly text: string }> {
  const { spawn } = await import("node:child_process");
  signal.throwIfAborted();
  // A group of its own: what it has started would otherwise outlive it, and hold its output open.
  const child = spawn(program, ["get"], { env, stdio: ["pipe", "pipe", "ignore"], detached: true });
  const within = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  const kill = (): void => {
    end(child);
  };
  within.addEventListener("abort", kill);
  // A helper that is missing or dies at once also closes its input; its exit tells more.
  child.stdin.on("error", () => undefined);
  child.stdin.end(registry);
  try {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      if (text.length > MAX_ANSWER) kill();
    });
    const code = await closed(child);
    signal.throwIfAborted();
    if (within.aborted) throw failure(program, registry, `says nothing for ${PATIENCE / 1000} s`);
    return { code, text };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DsoError) throw error;
    const missing = hasCode(error, "ENOENT");
    throw failure(program, registry, missing ? "is not installed" : "cannot be run");
  } finally {
    within.removeEventListener("abort", kill);
  }
}

/** Resolves with the code, once all that it said has come. */
async function closed(child: Helper): Promise<number> {
  let rest: NodeJS.Timeout | undefined;
  child.once("exit", () => {
    rest = setTimeout(end, REST, child);
  });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        resolve(code ?? -1);
      });
    });
  } finally {
    clearTimeout(rest);
  }
}

function end({ pid, stdout }: Helper): void {
  if (pid !== undefined) killGroup(pid);
  // What has left the group still holds it open.
  stdout.destroy();
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}

function failure(program: string, registry: string, what: string): DsoError {
  return new DsoError("engine-refused", `no login for ${registry}: ${program} ${what}`, {
    hint: "Docker's config.json names it (credHelpers, credsStore): mend it, run `docker login` again, or take it out.",
  });
}
