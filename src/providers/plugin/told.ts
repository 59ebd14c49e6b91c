/** The results of a plugin as answers of a provider. */
import { DsoError } from "../../model/errors.ts";
import { type SecretData, type SecretRequest, UNSUPPORTED } from "../../model/ports.ts";
import { Secret } from "../../model/secret.ts";
import type { Version } from "../../model/version.ts";
import type { Failure } from "./calls.ts";
import { type About, faultOf } from "./faults.ts";

/** As the schema has accepted it. */
export type ToldVersion = "unsupported" | Refused | { readonly version: string };
export type ToldSecret =
  Refused | { readonly version?: string; readonly values: Readonly<Record<string, string>> };

interface Refused {
  readonly error: Failure;
}

/** Throws what the plugin says instead, in our words. */
export function versionOf(
  told: ToldVersion,
  request: SecretRequest,
  about: About,
): Version | typeof UNSUPPORTED {
  if (told === "unsupported") return UNSUPPORTED;
  if ("error" in told) throw faultOf(told.error, about);
  refuseAnother(told.version, request, about);
  return told.version;
}

/** All values that it has given, those of whatever is refused later too: the caller drops them. */
export function bytesIn(told: ToldSecret): readonly Secret[] {
  if ("error" in told) return [];
  return Object.values(told.values).map((text) => new Secret(Buffer.from(text, "base64")));
}

/** As `versionOf`. */
export function dataOf(told: ToldSecret, request: SecretRequest, about: About): SecretData {
  if ("error" in told) throw faultOf(told.error, about);
  const { version = "", values: texts } = told;
  refuseAnother(version, request, about);
  const values = new Map<string, Secret>();
  for (const [key, text] of Object.entries(texts)) {
    const bytes = decode(text);
    if (bytes === undefined) throw notBase64(values, key, about);
    values.set(key, new Secret(bytes));
  }
  return { version, values };
}

/** A value of another version than the one that was planned is not delivered. */
function refuseAnother(
  version: string,
  { path, pinned }: SecretRequest,
  { provider, clean }: About,
): void {
  if (pinned === undefined || pinned === version) return;
  const given = version === "" ? "one without a version" : `version ${clean(version)}`;
  throw new DsoError(
    "secret-version-gone",
    `secret "${provider}:${path}": version ${pinned} was asked for, and the plugin gives ${given}`,
    { hint: "Make a new plan." },
  );
}

/** Node passes over what is no base64: the number of bytes tells, which is a whole one only for whole groups of four. */
function decode(text: string): Buffer | undefined {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = Buffer.from(text, "base64");
  if (bytes.length === (text.length / 4) * 3 - padding) return bytes;
  bytes.fill(0);
  return undefined;
}

function notBase64(
  read: ReadonlyMap<string, Secret>,
  key: string,
  { provider, path = "", clean }: About,
): DsoError {
  for (const value of read.values()) value.drop();
  const what = `gives key "${clean(key)}" of "${path}" in something else than base64`;
  return new DsoError("provider-unreachable", `provider "${provider}": its plugin ${what}`, {
    hint: "Values are bytes: have it encode them, as docs/providers.md shows.",
  });
}
