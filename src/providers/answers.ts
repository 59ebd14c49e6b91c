import { DsoError } from "../model/errors.ts";
import { requestKey, type SecretRequest } from "../model/ports.ts";

/** So many requests of one batch are under way at once. */
const AT_ONCE = 8;

/** One answer for each request; a fault of one is its own answer. */
export async function answerEach<T>(
  requests: readonly SecretRequest[],
  ask: (request: SecretRequest) => T | Promise<T>,
): Promise<ReadonlyMap<string, T | DsoError>> {
  const answers = new Map<string, T | DsoError>();
  const rest = requests.values();
  const work = async (): Promise<void> => {
    for (const request of rest) {
      answers.set(requestKey(request), await (async () => ask(request))().catch(ownFault));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, requests.length) }, work));
  return answers;
}

/** About the store as such: no other secret of the batch will fare better. */
const WHOLE: ReadonlySet<string> = new Set([
  "provider-unreachable",
  "provider-auth",
  "provider-throttled",
  "config-invalid",
]);

function ownFault(error: unknown): DsoError {
  if (error instanceof DsoError && !WHOLE.has(error.code)) return error;
  throw error;
}
