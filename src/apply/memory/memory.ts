import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ensurePrivateDirectory, hasCode, writeFileAtomic, writeNew } from "../../lib/files.ts";
import type { Delivery, DeliveryRequest, Generation, Manifest } from "../../model/delivery.ts";
import { DsoError } from "../../model/errors.ts";
import type { Clock, Random } from "../../model/ports.ts";
import { erase, fill, mountsOf, placed, readManifest, swap } from "./generation.ts";
import {
  freeBytes,
  isInMemory,
  openMemoryBase,
  type MemoryBase,
  type MemoryOptions,
} from "./memoryBase.ts";

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
  const memory: Memory = { options, base, isOpen: () => opened !== undefined };
  return {
    ensureRoom: (bytes, signal) => ensureRoom(memory, bytes, signal),
    deliver: (request, signal) => deliver(memory, request, signal),
    refresh: (id, request, signal) => refresh(memory, id, request, signal),
    manifest: (id, signal) => findManifest(memory, id, signal),
    lost: findLost,
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
  await mkdir(path, { mode: 0o700 });
  try {
    // First, so that a directory which holds a value always says whose it is.
    await writeManifest(memory, path, manifestOf(memory, path, request));
    await fill(path, request, uid);
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
  const path = join((await memory.base(signal)).path, checkId(id));
  await swap(path, request, memory.options.uid);
  await rm(join(path, "manifest.json"), { force: true });
  await writeManifest(memory, path, manifestOf(memory, path, request));
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
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  await writeNew(join(path, "manifest.json"), text);
  ensurePrivateDirectory(mirrorDirectory(memory));
  await writeFileAtomic(mirrorPath(memory, manifest.generation), text);
}

/** The mirror says the same as the manifest in memory, and needs no memory to be mounted. */
async function findManifest(
  memory: Memory,
  id: string,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  // A label that anybody can write must not stop the plan, only tell it nothing.
  if (!isId(id)) return undefined;
  const mirror = await readManifest(mirrorPath(memory, id));
  if (mirror !== undefined) return mirror;
  return readManifest(join((await memory.base(signal)).path, id, "manifest.json"));
}

/** By the path that the container binds: the base of the user who asks may be another one. */
async function findLost(sources: ReadonlyMap<string, string>): Promise<ReadonlySet<string>> {
  const holders = Map.groupBy(sources, ([id, source]) =>
    source.slice(0, source.indexOf(`/${id}/`)),
  );
  const lost = await Promise.all(
    [...holders].map(async ([holder, generations]) => {
      const there = await namesIn(holder).catch((error: unknown) => {
        if (hasCode(error, "EACCES")) return undefined;
        throw error;
      });
      return generations.map(([id]) => id).filter((id) => there?.includes(id) === false);
    }),
  );
  return new Set(lost.flat());
}

async function drop(memory: Memory, id: string, signal: AbortSignal): Promise<void> {
  if (!isId(id)) return;
  const here = join((await memory.base(signal)).path, id);
  // DSO_MEMORY_DIR may have said something else when it was made.
  const { path: there = here } = (await readManifest(mirrorPath(memory, id))) ?? {};
  if (there !== here && (await isGeneration(there, id))) await erase(there);
  await erase(here);
  await rm(mirrorPath(memory, id), { force: true });
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
  const mirrored = (await namesIn(mirrorDirectory(memory))).map((name) =>
    name.replace(/\.json$/, ""),
  );
  // Whoever has no secret files needs no memory directory either.
  if (mirrored.length === 0 && !memory.isOpen()) return [];
  const { path } = await memory.base(signal);
  const ours = new Set(mirrored);
  const ids = new Set([...(await namesIn(path)), ...mirrored].filter(isId));
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

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

function mirrorDirectory(memory: Memory): string {
  return join(memory.options.stateDir, "generations");
}

function mirrorPath(memory: Memory, id: string): string {
  return join(mirrorDirectory(memory), `${checkId(id)}.json`);
}

function isId(text: string): boolean {
  return /^[0-9a-f]{8,64}$/.test(text);
}

/** Ids come back from labels, which anybody can write: they must not lead elsewhere. */
function checkId(id: string): string {
  if (!isId(id)) throw new DsoError("internal", `${JSON.stringify(id)} is no id of a generation`);
  return id;
}
