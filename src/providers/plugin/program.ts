/** The program of a plugin: found, checked against the manifest, and copied to where nobody can change it. */
import { createHash } from "node:crypto";
import { constants, type PathLike } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { explainDisk } from "../../lib/files.ts";
import { DsoError, hasCode, parseJson } from "../../model/errors.ts";
import { type Distrust, distrustOf, distrustOfFile } from "./trust.ts";

export interface Installed {
  /** As dso.yaml names the provider. */
  readonly provider: string;
  /** Its `type:`. */
  readonly type: string;
  /** Where the programs and their manifest are. Absolute. */
  readonly directory: string;
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const MAX_MANIFEST_BYTES = 1024 * 1024;
const MAX_PROGRAM_BYTES = 512 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Writes what the manifest vouches for to `target`, which must not be there yet. Rejects with
 * `config-invalid` where there is no such program, or where it is not the one that was registered.
 */
export async function copyVerified(installed: Installed, target: string): Promise<void> {
  const { directory, type } = installed;
  const file = join(directory, `dso-provider-${type}`);
  const distrust = distrustOf(directory);
  if (distrust?.missing === true) throw notInstalled(installed, file);
  if (distrust !== undefined) throw untrusted(installed, distrust);
  await using source = await openTrusted(installed, file);
  if (source === undefined) throw notInstalled(installed, file);
  const { mode, size } = await source.stat();
  if ((mode & 0o111) === 0) {
    throw invalid(installed, `${file} is not executable`, `Run: chmod 755 ${file}`);
  }
  if (size > MAX_PROGRAM_BYTES) {
    throw invalid(installed, `${file} has more than 512 MiB`, "Look whether it is the program.");
  }
  const registered = await registeredIn(installed, file);
  const actual = await copy(source, target).catch((error: unknown) => {
    throw explainDisk(target, error);
  });
  if (actual === registered.sha256) return;
  throw invalid(
    installed,
    `${file} is not the program of the manifest: its SHA-256 is ${actual}, and ${registered.sha256} was expected`,
    `Look who changed it. If it is the one that you mean (sha256sum ${file}), correct plugins.${type}.sha256 in line ${registered.line} of ${registered.manifest}.`,
  );
}

/** Undefined where nothing of that name is there. */
async function openTrusted(installed: Installed, file: string): Promise<FileHandle | undefined> {
  const handle = await openNoLink(installed, file);
  if (handle === undefined) return undefined;
  const distrust = distrustOfFile(file, await handle.stat());
  if (distrust === undefined) return handle;
  await handle.close();
  throw untrusted(installed, distrust);
}

async function openNoLink(installed: Installed, file: PathLike): Promise<FileHandle | undefined> {
  try {
    // O_NONBLOCK: a planted FIFO must not hold us for ever.
    return await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    const why = hasCode(error, "ELOOP") ? "is a symbolic link" : "cannot be read by this user";
    if (!hasCode(error, "ELOOP", "EACCES", "ENXIO")) throw error;
    throw invalid(installed, `${String(file)} ${why}`, "Put the file itself there, mode 755.");
  }
}

interface Registered {
  readonly sha256: string;
  readonly manifest: string;
  /** Counted from 1. */
  readonly line: number;
}

async function registeredIn(installed: Installed, file: string): Promise<Registered> {
  const { directory, type } = installed;
  const manifest = join(directory, "manifest.json");
  const add = `Look at what it is, then write {"plugins": {"${type}": {"sha256": "…"}}} with what sha256sum ${file} says.`;
  await using handle = await openTrusted(installed, manifest);
  if (handle === undefined) throw invalid(installed, `there is no ${manifest}`, add);
  if ((await handle.stat()).size > MAX_MANIFEST_BYTES) {
    throw invalid(installed, `${manifest} has more than 1 MiB`, add);
  }
  const text = await handle.readFile("utf8");
  const sha256 = sha256In(text, type);
  if (sha256 === undefined) {
    throw invalid(installed, `${manifest} has no SHA-256 in hex for plugins.${type}`, add);
  }
  const line = text.slice(0, text.indexOf(sha256)).split("\n").length;
  return { sha256: sha256.toLowerCase(), manifest, line };
}

/** As it is written; undefined where the text is no manifest, or has none for this one. */
function sha256In(text: string, type: string): string | undefined {
  const found = member(member(member(parseJson(text), "plugins"), type), "sha256");
  return typeof found === "string" && /^[0-9a-f]{64}$/i.test(found) ? found : undefined;
}

function member(part: unknown, name: string): unknown {
  if (typeof part !== "object" || part === null || !Object.hasOwn(part, name)) return undefined;
  return (part as Readonly<Record<string, unknown>>)[name];
}

/** The SHA-256 of exactly what was written. */
async function copy(source: FileHandle, target: string): Promise<string> {
  await using written = await open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o500);
  const hash = createHash("sha256");
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (;;) {
    const { bytesRead } = await source.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) break;
    const part = chunk.subarray(0, bytesRead);
    hash.update(part);
    await written.writeFile(part);
  }
  return hash.digest("hex");
}

function notInstalled(installed: Installed, file: string): DsoError {
  return invalid(
    installed,
    `its type "${installed.type}" is none of DSO's own, and there is no ${file}`,
    `Correct providers.${installed.provider}.type in dso.yaml, or install that plugin (DSO_PLUGINS_DIR names another directory).`,
  );
}

function untrusted(installed: Installed, { path, what, hint }: Distrust): DsoError {
  return invalid(installed, `${path} ${what}, and a plugin must be nobody else's to change`, hint);
}

function invalid({ provider }: Installed, what: string, hint: string): DsoError {
  return new DsoError("config-invalid", `provider "${provider}": ${what}`, { hint });
}
