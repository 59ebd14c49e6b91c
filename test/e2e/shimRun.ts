/** The static program of shim/, run as the kernel runs it: on this machine, or in an emulator. */
import { execFile, execFileSync, spawn } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { type Architecture, compileShims } from "../../script/shim.ts";

const SOURCES = resolve(import.meta.dirname, "../../shim");
export const SHIMS: readonly Architecture[] = ["amd64", "arm64"];
export const NATIVE: Architecture = process.arch === "arm64" ? "arm64" : "amd64";
const EMULATORS = { amd64: "qemu-x86_64-static", arm64: "qemu-aarch64-static" } as const;
/** Never reached; a program that hangs fails its test by the signal. */
const HANGS_MS = 170_000;
/** Stands in every file of the tests that fail: no message may show it. */
export const CANARY = "canary-value-that-nobody-may-see";

export interface Ended {
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface Around {
  /** All variables of the shim itself; none by default. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  /** Called with the process once it has written something. */
  readonly onOutput?: (pid: number) => void;
}

/** Runs a program to its end. */
export function run(command: readonly string[], around: Around = {}): Promise<Ended> {
  const { env = {}, cwd = "/", uid, onOutput } = around;
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    ...{ env: { ...env }, cwd, timeout: HANGS_MS, killSignal: "SIGKILL" },
    ...(uid === undefined ? {} : { uid }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => {
    if (stdout.push(chunk) === 1) onOutput?.(child.pid!);
  });
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (code, signal) =>
      done({
        ...{ pid: child.pid, code, signal },
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString("latin1"),
      }),
    );
  });
}

/** Where a program of this machine is, whatever PATH it is then run with. */
export function whereIs(name: string): string {
  const found = execFileSync("/bin/sh", ["-c", 'command -v "$0"', name], { encoding: "utf8" });
  return found.trim();
}

/** A directory that every user may look into, with both shims in it. */
export interface Workshop extends AsyncDisposable {
  readonly directory: string;
  /** The command line up to the shim's own arguments. */
  command(architecture: Architecture): readonly string[];
  /** Writes a file of that content and answers its path. */
  file(name: string, content: Buffer | string, mode?: number): Promise<string>;
  /** Compiles fuzz.c with the sanitizers and answers the program's path. */
  fuzzer(): Promise<string>;
}

export async function openWorkshop(): Promise<Workshop> {
  const directory = await mkdtemp(join(tmpdir(), "dso-shim-e2e-"));
  await chmod(directory, 0o755);
  const path = (name: string): string => join(directory, name);
  const file: Workshop["file"] = async (name, content, mode = 0o644) => {
    await rm(path(name), { force: true });
    await writeFile(path(name), content);
    await chmod(path(name), mode);
    return path(name);
  };
  const emulator = whereIs(EMULATORS[NATIVE === "amd64" ? "arm64" : "amd64"]);
  for (const [architecture, bytes] of await compileShims()) {
    await file(`shim-${architecture}`, bytes, 0o755);
  }
  return {
    directory,
    command: (architecture) => [
      ...(architecture === NATIVE ? [] : [emulator]),
      path(`shim-${architecture}`),
    ],
    file,
    async fuzzer() {
      const checks = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
      const flags = ["-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", ...checks];
      const source = join(SOURCES, "fuzz.c");
      await promisify(execFile)("gcc", [...flags, "-o", path("fuzz"), source]);
      return path("fuzz");
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

/** As the shim reads them: each with a NUL behind it. */
export function entries(variables: Readonly<Record<string, Buffer | string>>): Buffer {
  const parts = Object.entries(variables).flatMap(([name, value]) => [
    Buffer.from(`${name}=`, "latin1"),
    typeof value === "string" ? Buffer.from(value, "latin1") : value,
    Buffer.of(0),
  ]);
  return Buffer.concat(parts);
}

/** What `/proc/self/environ` and `/proc/self/cmdline` hold, byte by byte. */
export function listOf(bytes: Buffer): readonly string[] {
  return bytes.toString("latin1").split("\0").slice(0, -1);
}

/** The variables that a program gets, sorted; undefined where the file is damaged. Slow and simple. */
export function mergedPlainly(
  own: Readonly<Record<string, string>>,
  file: Buffer,
): readonly string[] | undefined {
  const text = file.toString("latin1");
  if (!text.endsWith("\0")) return undefined;
  const lines = text.slice(0, -1).split("\0");
  if (lines.some((line) => line.indexOf("=") < 1)) return undefined;
  const pairs = lines.map((line): [string, string] => [line.split("=", 1)[0]!, line]);
  const before = Object.entries(own).map(([name, value]): [string, string] => [
    name,
    `${name}=${value}`,
  ]);
  return [...new Map([...before, ...pairs]).values()].sort();
}
