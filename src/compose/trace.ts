/** What a load has looked at, for whoever is to load the same again, or to watch it. */
export interface Trace {
  /** Absolute; also where nothing was found. */
  readonly files: Set<string>;
  /** Names that were asked of the environment, set or not. */
  readonly variables: Set<string>;
  /** Names without which something is empty, or left out: not set, and nothing stands in for them. */
  readonly unset: Set<string>;
}

export function newTrace(): Trace {
  return { files: new Set(), variables: new Set(), unset: new Set() };
}

/** How files and variables are looked at. */
export interface Reading {
  readonly signal: AbortSignal;
  readonly trace: Trace;
}
