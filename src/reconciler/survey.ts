/** What the stores say of secrets, for people: no value is read, and one store's trouble hides no other's answer. */
import { DsoError } from "../model/errors.ts";
import { UNSUPPORTED } from "../model/ports.ts";
import { type SecretId, versionKey } from "../model/reference.ts";
import type { Version } from "../model/version.ts";
import { answerFor } from "../providers/versions.ts";
import type { Context } from "./context.ts";
import { leaseNotes } from "./leaseStatus.ts";

export interface Surveyed {
  readonly provider: string;
  readonly type: string;
  /** Why the store is of no use; then nothing is known of its secrets. */
  readonly error: DsoError | undefined;
  /** Sorted by name. */
  readonly secrets: readonly SurveyedSecret[];
}

export interface SurveyedSecret {
  /** `vault:db/password`, with `@3` where that version is pinned. */
  readonly name: string;
  /** Undefined: its store has none, or `error` says why it is not known. */
  readonly version: Version | undefined;
  readonly error: DsoError | undefined;
  /** What is known of the version; absent: that it is there. */
  readonly note?: string;
}

type Wanted = SecretId & { readonly pinned?: Version };

/** Asks each store that is named once, all at the same time; sorted by the name of the store. */
export function survey(
  context: Pick<Context, "clock" | "config" | "providers">,
  wanted: readonly Wanted[],
  signal: AbortSignal,
): Promise<readonly Surveyed[]> {
  const distinct = new Map(wanted.map((one) => [versionKey(one), one]));
  const byProvider = Map.groupBy(distinct.values(), ({ provider }) => provider);
  const names = [...byProvider.keys()].sort();
  return Promise.all(names.map((name) => ask(context, name, byProvider.get(name) ?? [], signal)));
}

async function ask(
  { clock, config, providers }: Pick<Context, "clock" | "config" | "providers">,
  provider: string,
  wanted: readonly Wanted[],
  signal: AbortSignal,
): Promise<Surveyed> {
  const type = config.providers.get(provider)?.type ?? "unknown";
  try {
    const store = await providers.get(provider);
    const answers = await store.versions(wanted, signal);
    const noteOf = await leaseNotes(store, clock.now(), signal);
    const secrets = wanted.map((one): SurveyedSecret => {
      const answer = answerFor(one, answers);
      const name = versionKey(one);
      if (answer instanceof DsoError) return { name, version: undefined, error: answer };
      if (answer === UNSUPPORTED) {
        const error = one.pinned === undefined ? undefined : unpinnable(name, provider);
        return { name, version: undefined, error };
      }
      const note = noteOf?.(one.path, answer);
      return { name, version: answer, error: undefined, ...(note !== undefined && { note }) };
    });
    secrets.sort((a, b) => (a.name < b.name ? -1 : 1));
    return { provider, type, error: undefined, secrets };
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    return { provider, type, error, secrets: [] };
  }
}

function unpinnable(name: string, provider: string): DsoError {
  return new DsoError("reference-invalid", `${name}: provider "${provider}" has no versions`, {
    hint: "Drop ?version=….",
  });
}
