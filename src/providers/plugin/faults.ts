/** What a plugin, or its end, means for whoever has asked. */
import { DsoError, type ErrorCode } from "../../model/errors.ts";
import type { Failure } from "./calls.ts";

const KEEPS = "What runs keeps what it has.";

/** The codes that a plugin may give, and what is said where it gives no words of its own. */
const CODES: ReadonlyMap<string, readonly [code: ErrorCode, words: string, hint: string]> = new Map(
  (
    [
      ["secret-missing", "is not there", "Look at its name, and at what the store has."],
      ["secret-denied", "may not be read", "Grant it in the store."],
      ["secret-empty", "is empty", "Give it a value: an empty one is never delivered."],
      ["secret-too-large", "is too large", "Make it smaller."],
      ["secret-version-gone", "is not there any more in this version", "Make a new plan."],
      ["provider-unreachable", "its store does not answer", KEEPS],
      ["provider-throttled", "its store takes no more requests for now", KEEPS],
      ["provider-auth", "its store refuses the login", "Correct its config: in dso.yaml."],
      ["config-invalid", "its config is wrong", "Correct its config: in dso.yaml."],
    ] as const
  ).map((row) => [row[0], row]),
);
const UNREACHABLE = ["provider-unreachable", "its store does not answer", KEEPS] as const;

export interface About {
  /** As dso.yaml names the provider. */
  readonly provider: string;
  /** The secret's path, where it is about one. */
  readonly path?: string;
  /** Makes foreign text fit to be shown. */
  readonly clean: (text: string) => string;
}

export function faultOf({ message, data }: Failure, { provider, path, clean }: About): DsoError {
  const [code, words, hint] = CODES.get(data?.code ?? "") ?? UNREACHABLE;
  const isOfSecret = path !== undefined && code.startsWith("secret-");
  const what = isOfSecret ? `secret "${provider}:${path}"` : `provider "${provider}":`;
  const said = clean(message);
  const told = isOfSecret && said !== "" ? `: ${said}` : ` ${said === "" ? words : said}`;
  return new DsoError(code, `${what}${told}`, { hint: clean(data?.hint ?? "") || hint });
}

/** It is of no use any more, or never was. */
export function broken(provider: string, what: string, words: string): DsoError {
  const said = words === "" ? "" : `; its last words: ${words}`;
  return new DsoError("provider-unreachable", `provider "${provider}": its plugin ${what}${said}`, {
    hint: `${KEEPS} It is started again when it is asked again.`,
  });
}
