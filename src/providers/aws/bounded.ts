/** What every client of AWS's SDK gets: each request has an end, few are repeated, and no answer fills the memory. */
import { addAbortSignal, Readable } from "node:stream";
import type { SecretsManagerClientConfig } from "@aws-sdk/client-secrets-manager";

/** Nothing of the SDK's reaches the terminal. */
export const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

type Extensions = NonNullable<SecretsManagerClientConfig["extensions"]>;
type Client = Pick<
  Parameters<Extensions[number]["configure"]>[0],
  "httpHandler" | "setHttpHandler"
>;
type Handler = ReturnType<Client["httpHandler"]>;

/** Twenty values of 64 KiB, with what JSON and Base64 add to them, are a quarter of it. */
const MAX_BYTES = 16 * 1024 * 1024;
/** The name of the error where there were more. */
export const TOO_LARGE = "AnswerTooLarge";

const limit = {
  configure: (client: Client): void => client.setHttpHandler(limited(client.httpHandler())),
};

/** For whatever is asked, on the way to the credentials too. */
export const BOUNDED = {
  logger: SILENT,
  maxAttempts: 3,
  requestHandler: {
    connectionTimeout: 3000,
    requestTimeout: 10_000,
    socketTimeout: 10_000,
    throwOnRequestTimeout: true,
  },
  extensions: [limit],
};

function limited(handler: Handler): Handler {
  return {
    ...(handler.metadata && { metadata: handler.metadata }),
    updateHttpClientConfig: (key, value) => handler.updateHttpClientConfig(key, value),
    httpHandlerConfigs: () => handler.httpHandlerConfigs(),
    destroy: () => handler.destroy?.(),
    async handle(request, options) {
      const answer = await handler.handle(request, options);
      const body: unknown = answer.response.body;
      if (body instanceof Readable) {
        const signal = options?.abortSignal;
        if (signal instanceof AbortSignal) addAbortSignal(signal, body);
        answer.response.body = await readAll(body);
      }
      return answer;
    },
  };
}

/** Leaving the loop closes the connection. */
async function readAll(body: Readable): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BYTES) throw Object.assign(new Error(), { name: TOO_LARGE });
    parts.push(part);
  }
  const all = Buffer.concat(parts);
  for (const part of parts) part.fill(0);
  return all;
}
