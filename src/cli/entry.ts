import type { Command } from "commander";
import type { Session } from "./session.ts";

/** One line of the catalog: a command, or a group of them. */
export type Entry = {
  readonly name: string;
  readonly summary: string;
  readonly aliases?: readonly string[];
  /** From its first operand on, everything belongs to somebody else: `exec web ls -l`. */
  readonly passThrough?: boolean;
} & (
  | { readonly load: () => Promise<CommandModule> }
  | {
      readonly commands: readonly Entry[];
      /** Takes the names that `commands` has not. */
      readonly otherwise?: (name: string) => Entry;
      /** Declares the flags that the group takes before the command's name. */
      readonly declareFlags?: (group: Command) => void;
    }
);

export interface CommandModule {
  /** Declares arguments and flags, and what is done with them. */
  define(command: Command, session: Session, catalog: readonly Entry[]): void;
}
