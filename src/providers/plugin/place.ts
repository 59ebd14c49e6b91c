/** A directory for one run of a plugin: nobody else gets in, and nothing of it stays. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { ensurePrivateDirectory, explainDisk } from "../../lib/files.ts";
import { DsoError, hasCode } from "../../model/errors.ts";
import { distrustOf } from "./trust.ts";

/** One that another dso is just making is no remnant. */
const YOUNG_MS = 60_000;

export interface Place {
  readonly path: string;
  remove(): void;
}

/** `base` is made where it is not there. Rejects with `config-invalid` where somebody else could change it. */
export function makePlace(provider: string, base: string): Place {
  ensurePrivateDirectory(base);
  const distrust = distrustOf(base);
  if (distrust !== undefined) {
    const message = `provider "${provider}": ${distrust.path} ${distrust.what}, and its plugin is run from below it`;
    const hint = `${distrust.hint.replace(/\.$/, "")}; or set DSO_HOME to a directory of your own.`;
    throw new DsoError("config-invalid", message, { hint });
  }
  sweep(base);
  const path = makeDirectory(base);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

function makeDirectory(base: string): string {
  try {
    return mkdtempSync(join(base, `${process.pid}-`));
  } catch (error) {
    throw explainDisk(base, error);
  }
}

/** What a dso that was killed has left. */
function sweep(base: string): void {
  for (const name of readdirSync(base)) {
    const pid = Number(/^([0-9]+)-/.exec(name)?.[1]);
    if (Number.isNaN(pid) || isAlive(pid) || isYoung(join(base, name))) continue;
    rmSync(join(base, name), { recursive: true, force: true });
  }
}

function isYoung(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined || Date.now() - stat.mtimeMs < YOUNG_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasCode(error, "ESRCH");
  }
}
