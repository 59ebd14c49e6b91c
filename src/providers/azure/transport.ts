/**
 * The connections of Microsoft's packages, which have their own otherwise: with those, no deadline and no abort
 * reach the second page of a list, and errors hold the request with its token.
 */
import type { SecretClientOptions } from "@azure/keyvault-secrets";
import { DsoError } from "../../model/errors.ts";
import type { Http, HttpAnswer } from "../http.ts";

export type SdkClient = NonNullable<SecretClientOptions["httpClient"]>;
type SdkRequest = Parameters<SdkClient["sendRequest"]>[0];
type SdkResponse = Awaited<ReturnType<SdkClient["sendRequest"]>>;
type SdkHeaders = SdkResponse["headers"];

/** What came last, for those whose packages do not hand it on. */
export interface LastAnswer {
  readonly origin: string;
  readonly status: number;
  /** As Entra ID names its errors, for example AADSTS7000215. */
  readonly code: string | undefined;
  readonly isJson: boolean;
}

/** Of the words of a refusal: those that have one meaning each, and nothing that could be said back to us. */
export interface Said {
  readonly status: number;
  readonly code: string;
  /** What it comes from, where there is more than one cause. */
  readonly inner: string;
  readonly requestId: string;
}

export interface Transport extends SdkClient {
  /** What the server said to the request that an error of the packages is about; theirs leave half of it out. */
  readonly said: (error: unknown) => Said | undefined;
  /** By the server's own clock, ms since the epoch; undefined: nothing has answered yet. */
  readonly serverTime: () => number | undefined;
  /** Since it was last asked for, of this address where one is named. */
  readonly takeLast: (origin?: string) => LastAnswer | DsoError | undefined;
}

/** How often a request that broke down is made again, and after how long; the pauses grow. */
export const ATTEMPTS = { maxRetries: 2, retryDelayInMs: 200, maxRetryDelayInMs: 1000 } as const;

/** A longer pause is the caller's to make: the answer then says that it is too much at once. */
const LONGEST_PAUSE_MS = 2000;

/** Rejects with `provider-unreachable` for what is no answer at all, or one that sends us elsewhere. */
export function createTransport(provider: string, { request }: Pick<Http, "request">): Transport {
  let at: number | undefined;
  const { note, takeLast } = createLast();
  const refusals = new WeakMap<object, Said>();
  return {
    said: (error) => {
      const about = member(error, "request");
      return typeof about === "object" && about !== null ? refusals.get(about) : undefined;
    },
    serverTime: () => at,
    takeLast,
    async sendRequest(asked) {
      const url = new URL(asked.url);
      const { signal, done } = signalOf(asked);
      try {
        const answer = await request({ method: asked.method, url, ...sent(asked) }, signal);
        const text = answer.body.toString("utf8");
        answer.body.fill(0);
        if (answer.status >= 300 && answer.status < 400) throw sentOn(provider, url);
        note(url.origin, { origin: url.origin, ...looked(answer.status, text) });
        at = timeOf(answer) ?? at;
        // The same request is made again with a token, or after a pause.
        if (answer.status < 400) refusals.delete(asked);
        else refusals.set(asked, saidIn(answer, text));
        return responseOf(asked, answer, text);
      } catch (error) {
        if (error instanceof DsoError) note(url.origin, error);
        throw error;
      } finally {
        done();
      }
    },
  };
}

function createLast(): Pick<Transport, "takeLast"> & {
  readonly note: (origin: string, came: LastAnswer | DsoError) => void;
} {
  let last: LastAnswer | DsoError | undefined;
  const lastOf = new Map<string, LastAnswer | DsoError>();
  return {
    note(origin, came) {
      last = came;
      lastOf.set(origin, came);
    },
    takeLast(origin) {
      const taken = origin === undefined ? last : lastOf.get(origin);
      last = undefined;
      lastOf.clear();
      return taken;
    },
  };
}

function sent(asked: SdkRequest): { headers: Record<string, string>; body?: string } {
  const headers = asked.headers.toJSON();
  // Nothing here unpacks an answer.
  delete headers["accept-encoding"];
  const { body } = asked;
  if (body === undefined || body === null) return { headers };
  if (typeof body !== "string") throw new Error("a body that is no text was to be sent");
  return { headers, body };
}

/** Theirs is only something like a signal, and has a limit of its own beside it. */
function signalOf({ abortSignal, timeout }: SdkRequest): { signal: AbortSignal; done: () => void } {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  if (abortSignal?.aborted === true) abort();
  abortSignal?.addEventListener("abort", abort);
  const timer = timeout > 0 ? setTimeout(abort, timeout) : undefined;
  return {
    signal: stop.signal,
    done: () => {
      clearTimeout(timer);
      abortSignal?.removeEventListener("abort", abort);
    },
  };
}

function looked(status: number, text: string): Omit<LastAnswer, "origin"> {
  const code = status < 400 ? undefined : /AADSTS\d{4,8}/.exec(text)?.[0];
  return { status, code, isJson: /^\s*[[{]/.test(text) };
}

function responseOf(asked: SdkRequest, answer: HttpAnswer, text: string): SdkResponse {
  const { status } = answer;
  return { request: asked, status, headers: headersOf(answer), bodyAsText: bodyFor(status, text) };
}

/** A refusal that is no JSON makes the packages trip over it, and lose its status. */
function bodyFor(status: number, text: string): string {
  return status < 400 || typeof parsed(text) === "object" ? text : "{}";
}

function saidIn({ status, headers }: HttpAnswer, text: string): Said {
  const told = member(parsed(text), "error");
  const inner = member(member(told, "innererror"), "code");
  const requestId = word(headers["x-ms-request-id"]);
  return { status, code: word(member(told, "code")), inner: word(inner), requestId };
}

function member(value: unknown, name: string): unknown {
  const isObject = typeof value === "object" && value !== null;
  return isObject ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function word(text: unknown): string {
  return typeof text === "string" && /^[\w-]{1,64}$/.test(text) ? text : "";
}

function timeOf({ headers }: HttpAnswer): number | undefined {
  const date = typeof headers["date"] === "string" ? Date.parse(headers["date"]) : Number.NaN;
  return Number.isNaN(date) ? undefined : date;
}

function headersOf({ headers }: HttpAnswer): SdkHeaders {
  const all = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const text = typeof value === "string" ? value : value.join(", ");
    if (!isLongPause(name, text)) all.set(name.toLowerCase(), text);
  }
  return {
    get: (name) => all.get(name.toLowerCase()),
    has: (name) => all.has(name.toLowerCase()),
    set: (name, value) => void all.set(name.toLowerCase(), String(value)),
    delete: (name) => void all.delete(name.toLowerCase()),
    toJSON: () => Object.fromEntries(all),
    [Symbol.iterator]: () => all.entries(),
  };
}

function isLongPause(name: string, text: string): boolean {
  if (!/^(x-ms-)?retry-after(-ms)?$/i.test(name)) return false;
  const pause = Number(text) * (/ms$/i.test(name) ? 1 : 1000);
  return !(pause <= LONGEST_PAUSE_MS);
}

function sentOn(provider: string, { origin }: URL): DsoError {
  return new DsoError(
    "provider-unreachable",
    `provider "${provider}": ${origin} sends us on to another address`,
    {
      hint: "A token is sent to no host but the one in dso.yaml: correct vault_url or authority_host.",
    },
  );
}
