import type { Version } from "./version.ts";

/** Who may be asked for one secret: the provider's configured name and the path it knows. */
export interface SecretId {
  readonly provider: string;
  /** Decoded, `/`-separated, e.g. `db/password`. */
  readonly path: string;
}

/** A parsed `dso://…` or `dsofile://…`: it names one secret value and holds none. */
export interface Reference extends SecretId {
  readonly scheme: "dso" | "dsofile";
  /** The key of the secret's map, when `#key` was given. */
  readonly key?: string;
  /** `?version=`: this version and no other. */
  readonly pinned?: Version;
  readonly file: FileOptions;
  /** As the user wrote it. */
  readonly text: string;
}

/** Options of a reference that becomes a file. */
export interface FileOptions {
  /** Permission bits, e.g. 0o440. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Path in the container; relative to `/run/secrets` unless it begins with `/`. */
  readonly target?: string;
}

/** The path with what separates names percent-encoded, so that no two secrets share a name. */
export function encodePath(path: string): string {
  return path.replaceAll(/[%#@?]/g, (sign) => encodeURIComponent(sign));
}

/** `vault:db/password`: how plans, labels and state name a secret. */
export function secretName(id: SecretId): string {
  return `${id.provider}:${encodePath(id.path)}`;
}

/** Of a name as plans and state have it, without a key or a version. */
export function secretIdOf(name: string): SecretId {
  const colon = name.indexOf(":");
  return { provider: name.slice(0, colon), path: decodeURIComponent(name.slice(colon + 1)) };
}

/** `vault:db/password#key`: how plans and labels name one value of a secret. */
export function valueName(reference: SecretId & { readonly key?: string }): string {
  return reference.key === undefined
    ? secretName(reference)
    : `${secretName(reference)}#${reference.key}`;
}

/** The key of `Versions`: `vault:db/password`, or `vault:db/password@3` where a version is pinned. */
export function versionKey(reference: SecretId & { readonly pinned?: Version }): string {
  const name = secretName(reference);
  return reference.pinned === undefined ? name : `${name}@${reference.pinned}`;
}
