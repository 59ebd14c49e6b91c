/** The program as it is installed: built afresh, without the sources beside it. */
import { execFileSync } from "node:child_process";
import { cp, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../test/e2e/cli.ts";

/** Puts it into the directory and answers the path of its `dso`. */
export async function stageRelease(directory: string): Promise<string> {
  execFileSync(process.execPath, [join(ROOT, "script/build.ts")], { stdio: "inherit" });
  for (const part of ["bin", "dist", "package.json"]) {
    await cp(join(ROOT, part), join(directory, part), { recursive: true });
  }
  await mkdir(join(directory, ".tools/bin"), { recursive: true });
  await symlink(process.execPath, join(directory, ".tools/bin/node"));
  return join(directory, "bin/dso");
}
