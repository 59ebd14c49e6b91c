import { mkdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writeFileAtomic } from "../../lib/files.ts";
import type { Delivery, DeliveryRequest, Generation, Manifest } from "../../model/delivery.ts";
import { DsoError, hasCode } from "../../model/errors.ts";
import type { Clock, Random } from "../../model/ports.ts";
import {
  erase,
  fill,
  mountsOf,
  placed,
  readManifest,
  swap,
  swapBack,
  currentVersion,
} from "./generation.ts";
import {
  freeBytes,
  isInMemory,
  openMemoryBase,
  type MemoryBase,
  type MemoryOptions,
} from "./memoryBase.ts";
import { addParts, readKnown } from "./known.ts";
import { findLost } from "./lost.ts";
import { checkId, createMirror, isId, type Mirror, namesIn, textOf } from "./mirror.ts";

export interface MemoryDeliveryOptions extends MemoryOptions {
  /** The mirrors of the manifests are kept in `generations/` of it. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Kept free for manifests, directories and the rounding to whole pages. */
const RESERVE_BYTES = 1024 * 1024;
/** A directory without manifest, or of another home, may be one that another process is about to use. */
const UNFINISHED_MS = 60_000;

interface Memory {
  readonly options: MemoryDeliveryOptions;
  readonly mirror: Mirror;
  readonly isOpen: () => boolean;
  base(signal: AbortSignal): Promise<MemoryBase>;
}

/** Secret files in memory of this host, one directory per container. */
export function createMemoryDelivery(options: MemoryDeliveryOptions): Delivery {
  let opened: Promise<MemoryBase> | undefined;
  const base = (signal: AbortSignal): Promise<MemoryBase> => {
    opened ??= openMemoryBase(options, signal).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const mirror = createMirror(options.stateDir);
  const memory: Memory = { options, mirror, base, isOpen: () => opened !== undefined };
  return {
    ensureRoom: (bytes, signal) => ensureRoom(memory, bytes, signal),
    deliver: (request, signal) => deliver(memory, request, signal),
    refresh: (id, request, signal) => refresh(memory, id, request, signal),
    reading: async (id, signal) => currentVersion(await placeOf(memory, id, signal)),
    revert: (id, files, versions, signal) => revert(memory, id, files, versions, signal),
    known: async (id, signal) => (isId(id) ? readKnown(await placeOf(memory, id, signal)) : []),
    manifest: (id, signal) => findManifest(memory, id, signal),
    manifests: (project) => mirror.ofProject(project),
    lost: (sources) => Promise.resolve().then(() => findLost(sources)),
    drop: (id, signal) => drop(memory, id, signal),
    sweep: (project, owned, signal) => sweep(memory, project, owned, signal),
  };
}

async function ensureRoom(memory: Memory, bytes: number, signal: AbortSignal): Promise<void> {
  const { path } = await memory.base(signal);
  const free = await freeBytes(path);
  const needed = bytes + RESERVE_BYTES;
  if (needed > free) throw full(path, `${needed} bytes are needed, ${free} are free`);
}

function full(path: string, detail: string, cause?: unknown): DsoError {
  return new DsoError("memory-full", `no room for secret files below ${path}: ${detail}`, {
    hint: `Make it larger: mount -o remount,size=128m ${path}`,
    ...(cause === undefined ? {} : { cause }),
  });
}

async function deliver(
  memory: Memory,
  request: DeliveryRequest,
  signal: AbortSignal,
): Promise<Generation> {
  const { path: root, warnings } = await memory.base(signal);
  const { uid, random } = memory.options;
  signal.throwIfAborted();
  const id = random.hex(16);
  const path = join(root, id);
  try {
    await mkdir(path, { mode: 0o700 });
    // First, so that a directory which holds a value always says whose it is.
    await writeManifest(memory, path, manifestOf(memory, path, request));
    await fill(path, request, uid);
    await addParts(path, request.parts);
  } catch (error) {
    await drop(memory, id, signal);
    throw hasCode(error, "ENOSPC")
      ? full(root, "it filled up while they were written", error)
      : error;
  }
  return { id, mounts: mountsOf(path, request), grade: "file", warnings };
}

async function refresh(
  memory: Memory,
  id: string,
  request: DeliveryRequest,
  signal: AbortSignal,
): Promise<void> {
  const path = await placeOf(memory, id, signal);
  try {
    await addParts(path, request.parts);
    await swap(path, request, memory.options.uid);
  } catch (error) {
    const why = "it filled up while new files were written";
    throw hasCode(error, "ENOSPC") ? full(dirname(path), why, error) : error;
  }
  await writeManifest(memory, path, manifestOf(memory, path, request));
}

async function revert(
  memory: Memory,
  id: string,
  files: string,
  versions: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const path = await placeOf(memory, id, signal);
  const manifest = await findManifest(memory, id, signal);
  if (manifest === undefined) {
    throw new DsoError("rollback-failed", `nobody knows what ${path} holds`, {
      hint: "Run `dso apply`: it makes the container anew.",
    });
  }
  await swapBack(path, files);
  await writeManifest(memory, path, { ...manifest, versions });
}

/** Where it is: DSO_MEMORY_DIR, or the user's own directory, may have been another when it was made. */
async function placeOf(memory: Memory, id: string, signal: AbortSignal): Promise<string> {
  const here = join((await memory.base(signal)).path, checkId(id));
  const { path: there = here } = (await memory.mirror.find(id)) ?? {};
  return there !== here && (await isGeneration(there, id)) ? there : here;
}

function manifestOf(memory: Memory, path: string, request: DeliveryRequest): Manifest {
  const { project, service, number, versions } = request;
  return {
    v: 1,
    generation: basename(path),
    path,
    project,
    service,
    number,
    createdAt: new Date(memory.options.clock.now()).toISOString(),
    versions,
    files: request.files.map(({ file }) => placed(file, request, memory.options.uid)),
  };
}

async function writeManifest(memory: Memory, path: string, manifest: Manifest): Promise<void> {
  try {
    await writeFileAtomic(join(path, "manifest.json"), textOf(manifest));
  } catch (error) {
    if (!(error instanceof DsoError && error.code === "disk-full")) throw error;
    throw full(dirname(path), "it filled up while a manifest was written", error);
  }
  await memory.mirror.write(manifest);
}

async function findManifest(
  memory: Memory,
  id: string,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  // A label that anybody can write must not stop the plan, only tell it nothing.
  if (!isId(id)) return undefined;
  const mirrored = await memory.mirror.find(id);
  if (mirrored !== undefined) return mirrored;
  return readManifest(join((await memory.base(signal)).path, id, "manifest.json"));
}

async function drop(memory: Memory, id: string, signal: AbortSignal): Promise<void> {
  if (!isId(id)) return;
  const here = join((await memory.base(signal)).path, id);
  // DSO_MEMORY_DIR may have said something else when it was made.
  const { path: there = here } = (await memory.mirror.find(id)) ?? {};
  if (there !== here && (await isGeneration(there, id))) await erase(there);
  await erase(here);
  await memory.mirror.remove(id);
}

/** Whether what is there was delivered by us: in memory, and of that id by its own manifest. */
async function isGeneration(path: string, id: string): Promise<boolean> {
  try {
    if (!(await isInMemory(path))) return false;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
  return (await readManifest(join(path, "manifest.json")))?.generation === id;
}

async function sweep(
  memory: Memory,
  project: string,
  owned: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  await memory.mirror.tidy(project);
  const mirrored = memory.mirror.generationsOf(project);
  // Whoever has no secret files needs no memory directory either.
  if (mirrored.length === 0 && !memory.isOpen()) return [];
  const { path } = await memory.base(signal);
  const ours = new Set(mirrored);
  const ids = new Set([...namesIn(path), ...mirrored].filter(isId));
  const dropped: string[] = [];
  for (const id of [...ids].sort()) {
    signal.throwIfAborted();
    if (owned.has(id) || !(await isSweepable(memory, id, project, ours, signal))) continue;
    await drop(memory, id, signal);
    dropped.push(id);
  }
  return dropped;
}

async function isSweepable(
  memory: Memory,
  id: string,
  project: string,
  ours: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<boolean> {
  const manifest = await findManifest(memory, id, signal);
  if (manifest !== undefined && manifest.project !== project) return false;
  if (manifest !== undefined && ours.has(id)) return true;
  // Somebody else's lock does not hold us back, and the container may be about to be made.
  const { mtimeMs } = await stat(join((await memory.base(signal)).path, id));
  return memory.options.clock.now() - mtimeMs > UNFINISHED_MS;
}
