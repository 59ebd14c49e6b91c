/** Credentials that stand in dso.yaml itself: kept as `Secret`, shown as `[redacted]`. */
import { Secret } from "../model/secret.ts";
import type { Setting, Settings } from "../model/settings.ts";

/** Keys whose text is a credential; the schema marks the same ones `writeOnly`. */
export const CREDENTIAL_KEYS: ReadonlySet<string> = new Set([
  "token",
  "password",
  "secret_id",
  "jwt",
  "secret_access_key",
  "session_token",
  "client_secret",
  "identity",
  "webhook",
]);

/** Below these keys every text may be one, because only a plugin knows what it means. */
const OPAQUE_KEYS: ReadonlySet<string> = new Set(["config"]);

/** The same settings with every credential wrapped. */
export function wrapCredentials(settings: Readonly<Record<string, unknown>>): Settings {
  return wrapMapping(settings, false);
}

function wrapMapping(mapping: object, opaque: boolean): Settings {
  return Object.fromEntries(
    Object.entries(mapping).map(([key, value]) => [
      key,
      wrap(value, opaque || OPAQUE_KEYS.has(key), CREDENTIAL_KEYS.has(key)),
    ]),
  );
}

function wrap(value: unknown, opaque: boolean, credential: boolean): Setting {
  if (Array.isArray(value)) return value.map((item) => wrap(item, opaque, credential));
  if (typeof value === "object" && value !== null) return wrapMapping(value, opaque);
  if (typeof value === "boolean" || value === null) return value;
  const hidden = opaque || credential;
  if (typeof value === "string" || typeof value === "number") {
    return hidden ? new Secret(Buffer.from(String(value))) : value;
  }
  throw new Error("a setting is neither text, number, boolean, list nor mapping");
}

/** The settings as plain data for people. */
export function redact(setting: Setting): unknown {
  if (setting instanceof Secret) return "[redacted]";
  if (Array.isArray(setting)) return setting.map(redact);
  if (typeof setting === "object" && setting !== null) {
    return Object.fromEntries(Object.entries(setting).map(([key, part]) => [key, redact(part)]));
  }
  return setting;
}
