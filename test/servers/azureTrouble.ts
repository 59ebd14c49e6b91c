/** Faults of a Key Vault, and providers that do not wait for it. */
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { expect } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { createHttp, type Http } from "../../src/providers/http.ts";
import { createAzureProvider } from "../../src/providers/azure/provider.ts";
import { Secret } from "../../src/model/secret.ts";
import { type AzureScene, SECRET } from "./azureScene.ts";
import { TENANT, type Trouble } from "./keyVault.ts";

/** With what went on the way in no part of it. */
export async function refusal(work: Promise<unknown>): Promise<DsoError> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof DsoError)) throw new Error(`not refused: ${inspect(error)}`);
  const all = inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error);
  expect(all).not.toMatch(/token-of-the-test|client-secret-of-the-test|value-of-x/);
  expect(error.message + (error.hint ?? "")).not.toContain("\n");
  return error;
}

export interface Impatient {
  readonly emulator?: boolean;
  /** What the provider takes for the vault's address, and how that is reached. */
  readonly vault?: string;
  readonly change?: (http: Http) => Http;
  /** So long an answer is waited for. */
  readonly timeoutMs?: number;
}

/** For a server that answers, however busy the machine is. */
const PATIENT_MS = 30_000;

/** Answers may have 10,000 bytes. */
export function impatient(
  { vault: { caFile, url } }: AzureScene,
  { emulator = true, vault = url, change = (http) => http, timeoutMs = PATIENT_MS }: Impatient = {},
): SecretProvider {
  const tls = { ca: readFileSync(caFile) };
  const http = createHttp({ provider: "azure", tls, timeoutMs, maxBytes: 10_000 });
  return createAzureProvider({
    ...{ provider: "azure", vault: new URL(vault), emulator },
    ...{ authorityHost: url, authorityOrigin: url },
    login: {
      ...{ method: "client_secret", tenantId: TENANT, clientId: "reader" },
      secret: () => new Secret(Buffer.from(SECRET)),
    },
    ...{ http: change(http), loginHttp: http, clock: { elapsed: () => 0 } },
  });
}

/** An answer of that kind, whatever was asked. */
export const status =
  (code: number, body = "", headers: Record<string, string> = {}): Trouble =>
  (_, response) => {
    response
      .writeHead(code, { "Content-Type": "application/json", "x-ms-request-id": "r-1", ...headers })
      .end(body);
  };
/** As Key Vault words it. */
export const error = (code: string, inner?: string): string =>
  JSON.stringify({
    error: {
      code,
      message: "words\nof the server",
      innererror: inner === undefined ? null : { code: inner },
    },
  });
