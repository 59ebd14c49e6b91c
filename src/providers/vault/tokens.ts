/** A token that is got, renewed and got again as needed; who waits for it, waits together. */
import { abortable } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import type { Clock } from "../../model/ports.ts";
import { field, numberField, type VaultApi } from "./api.ts";
import { logIn, type Login, renew, type Token } from "./login.ts";

export interface TokensOptions {
  readonly api: VaultApi;
  readonly provider: string;
  readonly login: Login;
  readonly clock: Pick<Clock, "elapsed">;
}

export interface Held {
  readonly token: Token;
  /** Since when, by the clock. */
  readonly since: number;
  /** When more time is asked for. */
  readonly due: number;
  /** It may ask about itself; what tells a dead one from one that is denied a path. */
  readonly knowsItself: boolean;
}

export interface Tokens {
  current(signal: AbortSignal): Promise<Held>;
  /** It was not replaced, and so not dropped. */
  isCurrent(held: Held): boolean;
  /** Another one than this, which is refused; the same where there is no other. */
  instead(held: Held, signal: AbortSignal): Promise<Held>;
  close(): Promise<void>;
}

/** The share of its time after which a token is renewed. */
const RENEW_AT = 2 / 3;
const SOONEST_MS = 1000;
const GOODBYE_MS = 2000;
/** Every request has an end of its own. */
const UNENDING = new AbortController().signal;

/** One asks, and all others wait for that: so it is bounded by the transport's time, not by who asked first. */
export function createTokens(options: TokensOptions): Tokens {
  let held: Held | undefined;
  let getting: Promise<Held> | undefined;
  const get = (make: () => Promise<Held>, signal: AbortSignal): Promise<Held> => {
    getting ??= make()
      .then((made) => {
        const before = held;
        held = made;
        if (before?.token.own && before.token.value !== made.token.value) {
          void giveBack(options.api, before.token);
        }
        return made;
      })
      .finally(() => (getting = undefined));
    getting.catch(() => undefined);
    return abortable(getting, signal);
  };
  const current = (signal: AbortSignal): Promise<Held> => {
    const now = held;
    if (now === undefined) return get(() => fresh(options), signal);
    if (options.clock.elapsed() < now.due) return Promise.resolve(now);
    return get(() => prolong(options, now), signal);
  };
  return {
    current,
    isCurrent: (one) => held?.token.value === one.token.value,
    // Another call may have got a new one meanwhile.
    instead: (refused, signal) =>
      held?.token.value === refused.token.value
        ? get(() => another(options, refused), signal)
        : current(signal),
    async close() {
      const last = held;
      held = undefined;
      if (last?.token.own) await giveBack(options.api, last.token);
      else last?.token.value.drop();
    },
  };
}

async function fresh({ api, provider, login, clock }: TokensOptions): Promise<Held> {
  const token = await logIn(api, provider, login, UNENDING);
  const since = clock.elapsed();
  return token.own ? { ...kept(token, since), knowsItself: true } : lookedAt(api, token, since);
}

/** The same where the file or the variable still has it. */
async function another(options: TokensOptions, before: Held): Promise<Held> {
  const next = await fresh(options);
  const same = next.token.value.reveal().equals(before.token.value.reveal());
  if (!same) return next;
  next.token.value.drop();
  return before;
}

function kept(token: Token, since: number): Omit<Held, "knowsItself"> {
  return { token, since, due: since + (token.ttlMs ?? Infinity) * RENEW_AT };
}

/** What is known of a token that was given to us. */
async function lookedAt(api: VaultApi, token: Token, since: number): Promise<Held> {
  const call = { method: "GET", path: "auth/token/lookup-self", token: token.value } as const;
  const { status, body } = await api(call, UNENDING);
  if (status !== 200) return { ...kept(token, since), knowsItself: false };
  const data = field(body, "data");
  const seconds = numberField(data, "ttl") ?? 0;
  const renewable = field(data, "renewable") === true;
  const known = seconds > 0 ? { ...token, ttlMs: seconds * 1000, renewable } : token;
  return { ...kept(known, since), knowsItself: true };
}

/** With more time, or another one; while there is time left, nothing is lost by a refusal. */
async function prolong(options: TokensOptions, before: Held): Promise<Held> {
  const { api, clock } = options;
  const { token, since } = before;
  const left = since + (token.ttlMs ?? Infinity) - clock.elapsed();
  try {
    const renewed = token.renewable ? await renew(api, token, UNENDING) : undefined;
    // One that cannot live longer is given no more than is left of it.
    if (renewed?.ttlMs !== undefined && renewed.ttlMs > left + SOONEST_MS) {
      return { ...kept(renewed, clock.elapsed()), knowsItself: before.knowsItself };
    }
    if (token.own) return await fresh(options);
    const next = await another(options, before);
    if (next !== before) return next;
  } catch (error) {
    if (!(error instanceof DsoError) || left <= 0) throw error;
  }
  const pause = Math.max(SOONEST_MS, left / 2);
  return { ...before, due: clock.elapsed() + pause };
}

/** It ends by itself, too: nobody waits for a server that is away. */
async function giveBack(api: VaultApi, { value }: Token): Promise<void> {
  const call = { method: "POST", path: "auth/token/revoke-self", body: {}, token: value } as const;
  await api(call, AbortSignal.timeout(GOODBYE_MS)).catch(() => undefined);
  value.drop();
}
