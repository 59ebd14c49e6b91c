/** Calls with a token, and what a 403 means: a path that is denied, or a token that is none any more. */
import { DsoError } from "../../model/errors.ts";
import type { Secret } from "../../model/secret.ts";
import type { VaultAnswer, VaultCall } from "./api.ts";
import { createTokens, type Held, type TokensOptions } from "./tokens.ts";

export interface VaultSession {
  /**
   * As the API's, with the token. A 403 in the answer is the policy's; rejects with `provider-auth` where it is
   * the token's.
   */
  call(call: VaultCall, signal: AbortSignal): Promise<VaultAnswer>;
  /** The same of what nothing depends on: whatever the 403 means. */
  tryCall(call: VaultCall, signal: AbortSignal): Promise<VaultAnswer>;
  /** Gives back a token that was logged in for. */
  close(): Promise<void>;
}

/** One that was just logged in for is good: what it is denied the policy denies. */
const YOUNG_MS = 60_000;

export function createSession(options: TokensOptions): VaultSession {
  const { api, clock } = options;
  const tokens = createTokens(options);
  /** Those that were of use: without the right to ask about themselves, that is what is known of them. */
  const useful = new WeakSet<Secret>();

  const ask = async (held: Held, call: VaultCall, signal: AbortSignal): Promise<VaultAnswer> => {
    const answer = await api({ ...call, token: held.token.value }, signal);
    if (answer.status !== 403) useful.add(held.token.value);
    return answer;
  };
  /** The policy has denied it, and not the token's end. */
  const isDenied = async (held: Held, signal: AbortSignal): Promise<boolean> => {
    const { token, since, knowsItself } = held;
    if (!tokens.isCurrent(held)) return false;
    if (token.own && clock.elapsed() - since < YOUNG_MS) return true;
    if (!knowsItself) return useful.has(token.value);
    const path = "auth/token/lookup-self";
    return (await api({ method: "GET", path, token: token.value }, signal)).status === 200;
  };
  return {
    async call(call, signal) {
      const held = await tokens.current(signal);
      const answer = await ask(held, call, signal);
      if (answer.status !== 403 || (await isDenied(held, signal))) return answer;
      const next = await tokens.instead(held, signal);
      if (next === held) throw invalid(options, call);
      const again = await ask(next, call, signal);
      if (again.status !== 403 || (await isDenied(next, signal))) return again;
      throw invalid(options, call);
    },
    tryCall: async (call, signal) => ask(await tokens.current(signal), call, signal),
    close: () => tokens.close(),
  };
}

function invalid({ provider, login }: TokensOptions, { path }: VaultCall): DsoError {
  const message = `provider "${provider}": its token is refused at ${path}`;
  return new DsoError("provider-auth", message, {
    hint:
      login.method === "token"
        ? `It has expired or was revoked, or its policy grants nothing there: give another one under providers.${provider}.auth.`
        : `Look at the policies of the role that providers.${provider}.auth names.`,
  });
}
