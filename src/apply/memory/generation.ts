import { constants } from "node:fs";
import { chmod, chown, mkdir, open, readdir, readlink } from "node:fs/promises";
import { rename, rm, symlink } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { readPrivateFile, writeNew } from "../../lib/files.ts";
import type { DeliveryRequest, Manifest } from "../../model/delivery.ts";
import { SECRETS_DIRECTORY, type FileDelivery, referencesOf } from "../../model/desired.ts";
import type { MountSpec } from "../../model/engine.ts";
import { DsoError, hasCode } from "../../model/errors.ts";
import { valueName } from "../../model/reference.ts";

/**
 * The layout of one generation:
 *
 *     manifest.json
 *     files/..7/db/password       the bytes, version 7
 *     files/..data -> ..7         swapped by rename, so a reader sees all or nothing
 *     files/db -> ..data/db       what the container's programs open
 *     single/0                    a target outside /run/secrets
 *     parts                       values that are no file by themselves, for whoever scrubs
 */
const DATA = "..data";
const KEPT_VERSIONS = 10;
const SECRET_MODE = 0o400;
/** Compose's own. */
const CONFIG_MODE = 0o444;
const UNOWNED_MODE = 0o444;

type RequestedFile = DeliveryRequest["files"][number];
type ManifestFile = Manifest["files"][number];

/** Writes the first version of all files into the fresh, empty directory `path`. */
export async function fill(path: string, request: DeliveryRequest, uid: number): Promise<void> {
  const single = request.files.filter(({ file }) => !file.inDirectory);
  if (single.length > 0) await mkdir(join(path, "single"), { mode: 0o755 });
  for (const [index, { file, content }] of single.entries()) {
    await writeSecret(singlePath(path, index), content.reveal(), placed(file, request, uid), uid);
  }
  if (single.length < request.files.length) {
    await mkdir(join(path, "files"));
    await chmod(join(path, "files"), 0o755);
    await swap(path, request, uid);
  }
}

/** Puts a new version of the directory in place of the one that is read now. */
export async function swap(path: string, request: DeliveryRequest, uid: number): Promise<void> {
  const root = join(path, "files");
  const versions = await versionsIn(root);
  const before = await currentVersion(path);
  const next = `..${(versions.at(-1) ?? 0) + 1}`;
  const inside = request.files.filter(({ file }) => file.inDirectory);
  await makeDirectory(join(root, next));
  for (const one of inside) await writeInside(join(root, next), one, request, uid);
  await leadTo(root, next);
  for (const old of versions.slice(0, -KEPT_VERSIONS)) {
    // Whoever does not like this version goes back to that one, however many were tried since.
    if (`..${old}` !== before) await erase(join(root, `..${old}`));
  }
}

/** The version that is read now: `..7`. Undefined where there is none. */
export async function currentVersion(path: string): Promise<string | undefined> {
  try {
    return await readlink(join(path, "files", DATA));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Puts an older version in place again. */
export async function swapBack(path: string, version: string): Promise<void> {
  const root = join(path, "files");
  if (!/^\.\.\d+$/.test(version) || !(await readdir(root)).includes(version)) {
    throw new DsoError("rollback-failed", `${path} holds no files from before`, {
      hint: "Set the secret to what it was: that makes a new version of it.",
    });
  }
  await leadTo(root, version);
}

/** In one step for whoever reads; then the entries at the top become those of that version. */
async function leadTo(root: string, version: string): Promise<void> {
  await rm(join(root, "..data.new"), { force: true });
  await symlink(version, join(root, "..data.new"));
  await rename(join(root, "..data.new"), join(root, DATA));
  await linkEntries(root, new Set(await readdir(join(root, version))));
}

async function writeInside(
  root: string,
  { file, content }: RequestedFile,
  request: DeliveryRequest,
  uid: number,
): Promise<void> {
  const path = join(root, relativePath(file));
  for (const directory of parentsBelow(root, path)) await makeDirectory(directory);
  await writeSecret(path, content.reveal(), placed(file, request, uid), uid);
}

function parentsBelow(root: string, path: string): readonly string[] {
  const parent = dirname(path);
  return parent === root ? [] : [...parentsBelow(root, parent), parent];
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
    // The umask must not keep the container's user out; the base keeps everybody else out.
    await chmod(path, 0o755);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

async function writeSecret(
  path: string,
  bytes: Buffer,
  place: ManifestFile,
  uid: number,
): Promise<void> {
  await writeNew(path, bytes);
  if (uid === 0) await chown(path, place.uid, place.gid);
  await chmod(path, Number.parseInt(place.mode, 8));
}

/** Links at the top lead through `..data`; those of files that are gone go too. */
async function linkEntries(root: string, entries: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith("..") && !entries.has(name)) await rm(join(root, name));
  }
  for (const entry of entries) {
    try {
      await symlink(posix.join(DATA, entry), join(root, entry));
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
  }
}

async function versionsIn(root: string): Promise<readonly number[]> {
  const names = await readdir(root);
  return names
    .filter((name) => /^\.\.\d+$/.test(name))
    .map((name) => Number(name.slice(2)))
    .sort((a, b) => a - b);
}

function relativePath(file: FileDelivery): string {
  const path = posix.relative(SECRETS_DIRECTORY, file.target);
  if (path === "" || path.startsWith("..")) {
    throw new DsoError("secret-conflict", `the file ${file.target} cannot be delivered`, {
      hint: `Names that begin with ".." in ${SECRETS_DIRECTORY} are taken by the delivery itself.`,
    });
  }
  return path;
}

function singlePath(path: string, index: number): string {
  return join(path, "single", String(index));
}

/** Read-only binds whose missing source fails instead of becoming an empty directory on disk. */
export function mountsOf(path: string, request: DeliveryRequest): readonly MountSpec[] {
  const bind = (Source: string, Target: string): MountSpec => ({
    Type: "bind",
    Source,
    Target,
    ReadOnly: true,
    BindOptions: {},
  });
  const single = request.files.filter(({ file }) => !file.inDirectory);
  const directory = single.length < request.files.length;
  return [
    ...(directory ? [bind(join(path, "files"), SECRETS_DIRECTORY)] : []),
    ...single.map(({ file }, index) => bind(singlePath(path, index), file.target)),
  ];
}

/** Where and whose a file is, as it goes into the manifest. */
export function placed(file: FileDelivery, request: DeliveryRequest, uid: number): ManifestFile {
  const { content, target } = file;
  const values = content.kind === "template" ? referencesOf(content.template).map(valueName) : [];
  const byDefault = file.isConfig === true && values.length === 0 ? CONFIG_MODE : SECRET_MODE;
  const mode = uid === 0 ? (file.mode ?? byDefault) : UNOWNED_MODE;
  return {
    target,
    mode: mode.toString(8).padStart(4, "0"),
    uid: uid === 0 ? (file.uid ?? request.owner.uid) : uid,
    gid: uid === 0 ? (file.gid ?? request.owner.gid) : request.owner.gid,
    values: [...new Set(values)].sort(),
  };
}

/** Overwrites every file below, then removes all of it; what is gone already is fine. */
export async function erase(path: string): Promise<void> {
  for (const entry of await listAll(path)) {
    if (entry.isFile()) await overwrite(join(entry.parentPath, entry.name));
  }
  await rm(path, { recursive: true, force: true });
}

async function listAll(path: string) {
  try {
    return await readdir(path, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

async function overwrite(path: string): Promise<void> {
  await chmod(path, 0o600);
  const handle = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await handle.stat();
    await handle.write(Buffer.alloc(size), 0, size, 0);
  } finally {
    await handle.close();
  }
}

/** Undefined when there is none. */
export async function readManifest(path: string): Promise<Manifest | undefined> {
  const bytes = await readPrivateFile(path);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(bytes.toString("utf8")) as Manifest;
  } catch (error) {
    throw new DsoError("state-corrupt", `${path} is damaged`, {
      hint: "Remove it: the next apply delivers the files of that container again.",
      cause: error,
    });
  }
}
