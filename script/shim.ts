/** Compiles shim/ for each architecture that a compiler is here for. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const SOURCE = path.resolve(import.meta.dirname, "../shim/shim.c");

/** By the engine's name for it: what Debian calls the compiler, and where it is simply `gcc`. */
const ARCHITECTURES = {
  amd64: { compiler: "x86_64-linux-gnu-gcc", host: "x64" },
  arm64: { compiler: "aarch64-linux-gnu-gcc", host: "arm64" },
} as const;

export type Architecture = keyof typeof ARCHITECTURES;

const FLAGS = [
  ...["-std=c11", "-Os", "-Wall", "-Wextra", "-Wconversion", "-Werror"],
  ...["-static", "-nostdlib", "-ffreestanding", "-fno-pie", "-no-pie", "-fno-stack-protector"],
  // Without a C library nobody has the functions that a loop would be turned into a call of.
  "-fno-tree-loop-distribute-patterns",
  ...["-fno-asynchronous-unwind-tables", "-fno-ident"],
  // Nothing of the machine that it is made on: the same sources and compiler give the same bytes.
  "-Wl,--build-id=none,-z,noseparate-code,-z,norelro,-z,noexecstack,-s",
];

/** The programs by architecture; one without a compiler that works here is left out. */
export async function compileShims(): Promise<ReadonlyMap<Architecture, Buffer>> {
  const directory = await mkdtemp(path.join(tmpdir(), "dso-shim-"));
  try {
    const made = new Map<Architecture, Buffer>();
    for (const architecture of Object.keys(ARCHITECTURES) as Architecture[]) {
      const file = path.join(directory, architecture);
      if (compile(architecture, file)) made.set(architecture, await readFile(file));
    }
    return made;
  } finally {
    await rm(directory, { recursive: true });
  }
}

function compile(architecture: Architecture, file: string): boolean {
  const { compiler, host } = ARCHITECTURES[architecture];
  const names = host === process.arch ? [compiler, "gcc"] : [compiler];
  const name = names.find((each) => works(each, file));
  if (name === undefined) return false;
  const { status } = spawnSync(name, [...FLAGS, "-o", file, SOURCE], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) throw new Error(`${name} could not compile ${SOURCE}`);
  return true;
}

/** A machine may have a compiler without its assembler or linker, or another program of its name. */
function works(name: string, file: string): boolean {
  const input = "__attribute__((noreturn)) void _start(void) { for (;;) {} }";
  const { status } = spawnSync(name, [...FLAGS, "-o", file, "-xc", "-"], {
    input,
    stdio: ["pipe", "ignore", "ignore"],
  });
  return status === 0;
}
