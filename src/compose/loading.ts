import type { LoadWarning } from "../model/project.ts";
import type { Env } from "./discover.ts";
import type { Mapping } from "./node.ts";
import type { Reading } from "./trace.ts";

/** What the stages share; an included project has its own directory and environment. */
export interface Loading extends Reading {
  readonly env: Env;
  readonly workingDir: string;
  readonly home: string;
  /** Paths stay as they are written. */
  readonly keepPaths: boolean;
  /** Variables, too; a text that has a short form only with its value stays as it is. */
  readonly keepVariables: boolean;
  readonly stdin: string;
  /** The files that led here by `include`. */
  readonly chain: readonly string[];
  readonly documents: Map<string, readonly Mapping[]>;
  /** Loads the model of an included project. */
  readonly load: (files: readonly string[], loading: Loading) => Promise<Mapping>;
  readonly warn: (warning: LoadWarning) => void;
}
