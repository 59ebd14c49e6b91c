import { execFileSync } from "node:child_process";
import { beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { createFakeSession } from "../fakes/session.ts";

async function script(shell: string): Promise<string> {
  const session = createFakeSession();
  await runProgram(["completion", shell], session);
  return session.written.output();
}

describe("completion", () => {
  let bash = "";
  beforeAll(async () => {
    bash = await script("bash");
  });

  it.each([
    [["dso", "pl"], "plan"],
    [["dso", "secret", "ro"], "rollback"],
    [["dso", "apply", "--auto"], "--auto-approve"],
    [["dso", "-f", "x.yaml", "secret", "imp"], "import"],
    [["dso", "compose", "conf"], "config"],
  ])("of %j in bash is %s", (words, expected) => {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const program = `${bash}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _dso; echo "\${COMPREPLY[*]}"`;
    expect(execFileSync("bash", ["-c", program], { encoding: "utf8" }).trim()).toBe(expected);
  });

  it("is there for zsh and fish, with every command", async () => {
    for (const text of [await script("zsh"), await script("fish")]) {
      for (const name of ["plan", "force-unlock", "import"]) expect(text).toContain(name);
    }
  });

  it("refuses another shell", async () => {
    await expect(script("tcsh")).rejects.toMatchObject({ code: "usage" });
  });
});
