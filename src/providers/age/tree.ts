/** A SOPS document before and after it is decrypted: entries in the order of the file, since its MAC is over them. */
import { DsoError } from "../../model/errors.ts";

/** Text as it stands in the file, and the type that the file gives it. */
export interface Leaf {
  readonly kind: "leaf";
  readonly type: "str" | "int" | "float" | "bool" | "null";
  readonly text: string;
}

export type Tree<L> = L | Branch<L> | List<L>;
export type Entries<L> = readonly (readonly [key: string, value: Tree<L>])[];

export interface Branch<L> {
  readonly kind: "branch";
  readonly entries: Entries<L>;
}

export interface List<L> {
  readonly kind: "list";
  readonly items: readonly Tree<L>[];
}

/** What makes one file unreadable, while others may be fine. */
export function unreadable(file: string, what: string, hint?: string): DsoError {
  return new DsoError("secret-denied", `${file} ${what}`, hint === undefined ? {} : { hint });
}
