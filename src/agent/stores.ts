import type { DsoError, ErrorCode } from "../model/errors.ts";
import type { Cache } from "../providers/cache/cache.ts";
import type { Contact } from "../providers/cache/known.ts";
import type { AgentStatus, StoreStatus } from "./control.ts";

/** What the agent knows of its stores, for whoever asks. */
export function storesOf(cache: Cache | undefined): Pick<AgentStatus, "providers" | "cache"> {
  if (cache === undefined) {
    return { providers: [], cache: { entries: 0, bytes: 0, hits: 0, misses: 0 } };
  }
  const names = [...cache.stores.keys()].sort();
  const contacts = names.flatMap((name) => cache.stores.get(name)?.contact() ?? []);
  return { providers: contacts.map(statusOf), cache: cache.usage() };
}

function statusOf({ provider, answeredAt, trouble, secrets }: Contact): StoreStatus {
  return {
    name: provider,
    ...(answeredAt === undefined ? {} : { answeredAt: iso(answeredAt) }),
    ...(trouble && { trouble: { since: iso(trouble.since), ...wordsOf(trouble.error) } }),
    secrets: secrets.map(({ path, version, toldAt, error }) => ({
      path,
      ...(version === undefined ? {} : { version }),
      at: iso(toldAt),
      ...(error && { error: wordsOf(error) }),
    })),
  };
}

function wordsOf({ code, message }: DsoError): { code: ErrorCode; message: string } {
  return { code, message };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
