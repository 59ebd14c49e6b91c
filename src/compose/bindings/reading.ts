/** One service while its references are read. */
import type { EnvironmentPolicy, Template } from "../../model/desired.ts";
import { DsoError, withPosition, type Position } from "../../model/errors.ts";
import { findEmbedded, parseReference, type KnownProviders } from "../../model/parseReference.ts";
import type { ComposeProject, ServiceModel } from "../../model/project.ts";

/** What the configuration says about references. */
export interface BindingRules {
  readonly providers: ReadonlyMap<string, unknown>;
  readonly defaults: { readonly provider: string; readonly env: EnvironmentPolicy };
}

export interface Reading {
  readonly project: ComposeProject;
  readonly service: string;
  readonly model: ServiceModel;
  readonly rules: BindingRules;
  /** Collected, so that all of them are told at once. */
  readonly faults: DsoError[];
}

/** What `read` gives; undefined, and a fault at the position, where it throws a `DsoError`. */
export function attempt<T>(
  reading: Reading,
  position: Position | undefined,
  read: () => T,
): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    reading.faults.push(withPosition(error, position));
    return undefined;
  }
}

/** The text as a template: one reference, or text with embedded ones. */
export function readTemplate(text: string, { providers, defaults }: BindingRules): Template {
  const known: KnownProviders = {
    providers: new Set(providers.keys()),
    defaultProvider: defaults.provider,
  };
  return /^\s*dso(file)?:\/\//i.test(text)
    ? [parseReference(text, known)]
    : findEmbedded(text, known);
}
