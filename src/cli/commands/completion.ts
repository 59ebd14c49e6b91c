import type { Command } from "commander";
import { declareEach } from "../declare.ts";
import type { Entry } from "../entry.ts";
import { DsoError } from "../../model/errors.ts";
import { completionScript, wordsOf } from "../render/completion.ts";
import { print, type Session } from "../session.ts";

export function define(command: Command, session: Session, catalog: readonly Entry[]): void {
  command.argument("<shell>", "bash, zsh or fish").action(async (shell: string) => {
    if (shell !== "bash" && shell !== "zsh" && shell !== "fish") {
      throw new DsoError("usage", `There is no completion for "${shell}".`, {
        hint: "Write bash, zsh or fish.",
      });
    }
    // A second program beside the one that runs: this one has only its own command declared.
    const { Command } = await import("commander");
    const root = new Command("dso").enablePositionalOptions();
    await declareEach(root, catalog, { session, catalog });
    print(session, completionScript(shell, wordsOf(root)));
  });
}
