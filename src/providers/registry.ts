import { suggest } from "../model/suggest.ts";
import { DsoError } from "../model/errors.ts";
import type { SecretProvider } from "../model/ports.ts";

/** The configured providers by name. One is opened when it is first asked for. */
export interface Providers {
  /** Sorted. */
  readonly names: readonly string[];
  readonly defaultName: string;
  /** Rejects with `provider-unknown`, or with what opening it rejects with; the next call tries again. */
  get(name: string): Promise<SecretProvider>;
  /** Closes those that were opened, all of them, and then rejects with the first failure. */
  close(): Promise<void>;
}

export function createProviders(
  definitions: ReadonlyMap<string, () => Promise<SecretProvider>>,
  defaultName: string,
): Providers {
  const opened = new Map<string, Promise<SecretProvider>>();
  const names = [...definitions.keys()].sort();

  return {
    names,
    defaultName,
    get: async (name) => {
      const known = opened.get(name);
      if (known !== undefined) return known;
      const open = definitions.get(name);
      if (open === undefined) throw unknownProvider(name, names);
      const opening = open();
      opened.set(name, opening);
      opening.catch(() => opened.delete(name));
      return opening;
    },
    close: async () => {
      const settled = await Promise.allSettled(opened.values());
      opened.clear();
      const open = settled.flatMap((result) =>
        result.status === "fulfilled" ? [result.value] : [],
      );
      const closed = await Promise.allSettled(open.map((provider) => provider.close()));
      const failed = closed.find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    },
  };
}

function unknownProvider(name: string, names: readonly string[]): DsoError {
  const near = suggest(name, names);
  return new DsoError(
    "provider-unknown",
    `no provider is named "${name}" (configured: ${names.join(", ") || "none"})`,
    {
      hint:
        near === undefined
          ? `Add "${name}" under providers: in dso.yaml.`
          : `Did you mean "${near}"?`,
    },
  );
}
