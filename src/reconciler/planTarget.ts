/** Where a plan is to be saved: looked at before anything is planned, and nothing else is lost by it. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { readFault, readStoredFile } from "../lib/namedFile.ts";
import { DsoError, hasCode } from "../model/errors.ts";

/** How each file begins that `savePlan` wrote. */
const BEGINNING = '{"format":"dso-plan"';

/**
 * Rejects with `usage` where no file can be made, and where one is that is not empty and no plan.
 */
export async function checkPlanTarget(path: string): Promise<void> {
  const directory = dirname(path);
  const why = await faultOfDirectory(directory);
  if (why !== undefined) throw refused(`No plan can be saved in ${directory}: it ${why}.`);
  const what = await faultOfFile(path);
  if (what !== undefined) throw refused(`${path} ${what}: a plan would replace it.`);
}

async function faultOfDirectory(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isDirectory()) return "is no directory";
    await access(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    if (hasCode(error, "EACCES", "EPERM", "EROFS")) return "may not be written to";
    const why = readFault(error);
    if (why === undefined) throw error;
    return why;
  }
}

async function faultOfFile(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return found.isDirectory() ? "is a directory" : "is no regular file";
    if (found.size === 0) return undefined;
    return readStoredFile(path).toString().startsWith(BEGINNING) ? undefined : "is no plan of dso";
  } catch (error) {
    return hasCode(error, "ENOENT") ? undefined : readFault(error);
  }
}

function refused(message: string): DsoError {
  return new DsoError("usage", message, { hint: "Name another file with -out." });
}
