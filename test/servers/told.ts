/** What a provider says of one secret, as a test likes to compare it. */
import { DsoError } from "../../src/model/errors.ts";
import { requestKey, type SecretProvider, type SecretRequest } from "../../src/model/ports.ts";
import { never } from "../reconciler/world.ts";

export async function version(provider: SecretProvider, request: SecretRequest): Promise<unknown> {
  return (await provider.versions([request], never)).get(requestKey(request));
}

/** Key to text; or what was said instead. */
export async function values(provider: SecretProvider, request: SecretRequest): Promise<unknown> {
  const found = (await provider.read([request], never)).get(requestKey(request));
  if (found === undefined || found instanceof DsoError) return found;
  return Object.fromEntries(
    [...found.values].map(([key, value]) => [key, value.reveal().toString()]),
  );
}
