import { join } from "node:path";
import { ensurePrivateDirectory, readPrivateFile, writeFileAtomic } from "../../lib/files.ts";
import { DsoError, parseJson } from "../../model/errors.ts";

/** The newest state of the vault that was seen here, kept away from the vault itself. */
export interface Generation {
  readonly vault: string;
  readonly generation: number;
  readonly seal: string;
}

/** `undefined` where none was ever written: then any vault is taken as the newest. */
export async function readGeneration(stateDir: string): Promise<Generation | undefined> {
  const path = generationFile(stateDir);
  const bytes = await readPrivateFile(path);
  if (bytes === undefined) return undefined;
  const value = parse(bytes.toString());
  if (value !== undefined) return value;
  throw new DsoError(
    "state-corrupt",
    `${path} is damaged: whether the vault is the newest cannot be told`,
    {
      hint: "If you know that it is, run: dso init --accept-vault",
    },
  );
}

export async function writeGeneration(stateDir: string, generation: Generation): Promise<void> {
  ensurePrivateDirectory(stateDir);
  await writeFileAtomic(generationFile(stateDir), `${JSON.stringify(generation)}\n`);
}

/** Rejects with `vault-stale` for a file that is older than one seen before, or another vault's. */
export function refuseOlder(
  file: string,
  found: Omit<Generation, "seal">,
  seen: Generation | undefined,
): void {
  if (seen === undefined) return;
  if (found.vault !== seen.vault) throw stale(file, "is another vault than the one used before");
  if (found.generation >= seen.generation) return;
  throw stale(
    file,
    `is an old copy: generation ${found.generation}, but ${seen.generation} was there before`,
  );
}

/** Rejects with `vault-stale` for an authentic file that is not the one seen before. */
export function refuseFork(file: string, found: Generation, seen: Generation | undefined): void {
  if (found.generation !== seen?.generation || found.seal === seen.seal) return;
  throw stale(file, `is not the generation ${seen.generation} that was there before`);
}

function stale(file: string, fault: string): DsoError {
  return new DsoError("vault-stale", `the vault ${file} ${fault}`, {
    hint: "If you put it there yourself, run: dso init --accept-vault",
  });
}

function generationFile(stateDir: string): string {
  return join(stateDir, "vault-generation.json");
}

function parse(text: string): Generation | undefined {
  const value = parseJson(text);
  return isGeneration(value) ? value : undefined;
}

function isGeneration(value: unknown): value is Generation {
  const fields = new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
  return (
    typeof fields.get("vault") === "string" &&
    Number.isSafeInteger(fields.get("generation")) &&
    typeof fields.get("seal") === "string"
  );
}
