import type { Command } from "commander";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { breakLock, inspectLock } from "../../lib/lockRecord.ts";
import type { LockOwner } from "../../lib/lockRecord.ts";
import { DsoError, hasCode } from "../../model/errors.ts";
import { approves } from "../input.ts";
import { printable } from "../render/style.ts";
import { withContext } from "../request.ts";
import { canShowAndAsk, print, type Session } from "../session.ts";

interface Held {
  readonly path: string;
  readonly owner: LockOwner;
}

export function define(command: Command, session: Session): void {
  command
    .argument("[lock-id]", "which one; without it, the locks are listed")
    .option("--force", "do not ask")
    .action((id: string | undefined, flags: { readonly force?: boolean }) =>
      withContext(session, command, async ({ paths }) => {
        const locks = await heldLocks(paths.locksDir);
        if (id === undefined) {
          print(session, locks.map(describe).join("\n\n") || "No lock is held.");
          return;
        }
        const lock = locks.find(({ owner }) => owner.id === id);
        if (lock === undefined) {
          throw new DsoError("usage", `No lock has the id ${id}.`, {
            hint: "dso force-unlock without an id lists them.",
          });
        }
        if (flags.force !== true && !(await confirmed(session, lock))) {
          print(session, "\nforce-unlock cancelled.");
          session.exitCode = 1;
          return;
        }
        const broken = breakLock(lock.path, id);
        print(session, broken ? "The lock is gone." : "The lock was given back meanwhile.");
      }),
    );
}

async function heldLocks(directory: string): Promise<readonly Held[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  const found: Held[] = [];
  for (const path of names.filter((name) => name.endsWith(".lock")).sort()) {
    const owner = inspectLock(join(directory, path));
    if (owner !== undefined) found.push({ path: join(directory, path), owner });
  }
  return found;
}

async function confirmed(session: Session, lock: Held): Promise<boolean> {
  if (!canShowAndAsk(session)) {
    throw new DsoError("approval-missing", "Nobody can be asked whether the lock may go.", {
      hint: "Look whether its process still works, then give -force.",
    });
  }
  print(session, describe(lock));
  const question =
    "\nTwo processes that change one project at once can break it.\n" +
    "Do you really want to take this lock away?\n" +
    "  Only 'yes' will be accepted to confirm.\n\n  Enter a value: ";
  return approves(session, question);
}

function describe({ path, owner }: Held): string {
  return printable(
    [
      "Lock Info:",
      `  ID:        ${owner.id}`,
      `  Path:      ${path}`,
      `  Operation: ${owner.operation}`,
      `  Who:       ${owner.who}@${owner.hostname} (pid ${owner.pid})`,
      `  Created:   ${owner.created}`,
    ].join("\n"),
  );
}
