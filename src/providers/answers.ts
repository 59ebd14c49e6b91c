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

/** Of one secret: what is wrong with the store as such ends the batch. */
function ownFault(error: unknown): DsoError {
  if (error instanceof DsoError && error.code.startsWith("secret-")) return error;
  throw error;
}
