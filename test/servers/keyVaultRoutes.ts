/** The requests that a Key Vault answers, and how. What no recording shows is marked so. */
import type { KeyVaultStore, NewVersion, StoredSecret, StoredVersion } from "./keyVaultStore.ts";

export interface VaultRequest {
  readonly method: string;
  readonly url: URL;
  readonly body: unknown;
}

export interface VaultAnswer {
  readonly status: number;
  readonly body: object | undefined;
}

/** What the caller needs for it, as access policies call it. */
export function permissionFor({ method, url }: VaultRequest): string {
  if (method !== "GET") return "set";
  const [, , version] = partsOf(url);
  return partsOf(url).length === 1 || version === "versions" ? "list" : "get";
}

export function secretIn(url: URL): string | undefined {
  return partsOf(url)[1];
}

/** A value is what it is about: the newest version, or one of them. */
export function readsValue(request: VaultRequest): boolean {
  return permissionFor(request) === "get" && partsOf(request.url)[0] === "secrets";
}

export function route(store: KeyVaultStore, request: VaultRequest): VaultAnswer {
  const { method, url, body } = request;
  const [kind, name = "", more] = partsOf(url);
  const call = `${method} ${kind ?? ""}${name === "" ? "" : "/NAME"}${wordOf(more)}`;
  const secret = store.find(name);
  switch (call) {
    case "GET secrets":
      return list(url, store.all(), (one) => isLive(one) && listed(url, one));
    case "GET deletedsecrets":
      return list(
        url,
        store.all(),
        (one) => isDeleted(one) && { ...gone(url, one), ...listed(url, one) },
      );
    case "GET secrets/NAME/versions":
      // Not shown by any recording: a name that is none.
      if (!isLive(secret) || hidden(secret)) return missing(name);
      return list(url, byId(secret), (version) => shown(url, secret, version));
    case "GET secrets/NAME":
    case "GET secrets/NAME/VERSION":
      return read(url, secret, name, more);
    case "PUT secrets/NAME": {
      const made = store.put(name, body as NewVersion);
      return { status: 200, body: { value: made.value, ...shown(url, store.find(name)!, made) } };
    }
    case "PATCH secrets/NAME/VERSION": {
      const version = secret?.versions.find(({ id }) => id === more);
      if (secret === undefined || version === undefined) return missing(name);
      store.update(version, (body as NewVersion).attributes ?? {});
      return { status: 200, body: shown(url, secret, version) };
    }
    case "DELETE secrets/NAME":
      if (!isLive(secret)) return missing(name);
      store.remove(secret);
      return { status: 200, body: { ...gone(url, secret), ...shown(url, secret) } };
    default:
      return routeDeleted(store, call, request);
  }
}

function routeDeleted(
  store: KeyVaultStore,
  call: string,
  { url, body }: VaultRequest,
): VaultAnswer {
  const name = secretIn(url) ?? "";
  const secret = store.find(call === "POST secrets/NAME" ? blobName(body) : name);
  switch (call) {
    case "GET deletedsecrets/NAME":
      if (!isDeleted(secret) || hidden(secret))
        return fault(404, "SecretNotFound", `Deleted Secret not found: ${name}`);
      return { status: 200, body: { ...gone(url, secret), ...shown(url, secret) } };
    case "DELETE deletedsecrets/NAME":
      if (isDeleted(secret)) store.purge(Object.assign(secret, { unseen: store.lag }));
      return { status: 204, body: undefined };
    case "POST deletedsecrets/NAME/recover":
      if (!isDeleted(secret)) return missing(name);
      Object.assign(secret, { deleted: undefined, unseen: store.lag });
      return { status: 200, body: shown(url, secret) };
    case "POST secrets/NAME/backup":
      return { status: 200, body: { value: Buffer.from(name).toString("base64url") } };
    case "POST secrets/NAME": // restore
      if (secret === undefined || hidden(secret))
        return fault(409, "Conflict", "There was a conflict");
      Object.assign(secret, { deleted: undefined, purged: false });
      return { status: 200, body: shown(url, secret) };
    default:
      return fault(404, "NotFound", `no such request: ${call}`);
  }
}

function read(
  url: URL,
  secret: StoredSecret | undefined,
  name: string,
  id: string | undefined,
): VaultAnswer {
  const version =
    id === undefined ? secret?.versions.at(-1) : secret?.versions.find((one) => one.id === id);
  if (!isLive(secret) || hidden(secret) || version === undefined)
    return missing(id === undefined ? name : `${name}/${id}`);
  // Not shown by any recording.
  if (!version.attributes.enabled) {
    return fault(
      403,
      "Forbidden",
      "Operation get is not allowed on a disabled secret.",
      "SecretDisabled",
    );
  }
  return { status: 200, body: { value: version.value, ...shown(url, secret, version) } };
}

export function fault(status: number, code: string, message: string, inner?: string): VaultAnswer {
  const innererror = inner === undefined ? {} : { innererror: { code: inner } };
  return { status, body: { error: { code, message, ...innererror } } };
}

function missing(name: string): VaultAnswer {
  const message = `A secret with (name/id) ${name} was not found in this key vault.`;
  return fault(404, "SecretNotFound", message);
}

function isLive(secret: StoredSecret | undefined): secret is StoredSecret {
  return secret !== undefined && secret.deleted === undefined && !secret.purged;
}

function isDeleted(secret: StoredSecret | undefined): secret is StoredSecret {
  return secret?.deleted !== undefined && !secret.purged;
}

function hidden(secret: StoredSecret): boolean {
  return secret.unseen-- > 0;
}

/** Places of what is not shown count: a page of such places is empty, and not the last. */
function list<T>(url: URL, all: readonly T[], show: (one: T) => object | false): VaultAnswer {
  const size = Number(url.searchParams.get("maxresults") ?? 25);
  const start = Number(url.searchParams.get("$skiptoken") ?? 0);
  const value = all.slice(start, start + size).flatMap((one) => show(one) || []);
  const more = url.searchParams.has("maxresults") ? `&maxresults=${size}` : "";
  const version = url.searchParams.get("api-version") ?? "";
  const next = `${url.origin}${url.pathname}?api-version=${version}&$skiptoken=${start + size}${more}`;
  return { status: 200, body: { value, nextLink: start + size < all.length ? next : null } };
}

function byId({ versions }: StoredSecret): readonly StoredVersion[] {
  return versions.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function shown(url: URL, secret: StoredSecret, version = secret.versions.at(-1)!): object {
  const { id, contentType, tags, attributes } = version;
  return {
    ...(contentType !== undefined && { contentType }),
    id: `${url.origin}/secrets/${secret.name}/${id}`,
    ...(secret.managed && { managed: true }),
    attributes: {
      ...attributes,
      recoveryLevel: "CustomizedRecoverable+Purgeable",
      recoverableDays: 7,
    },
    ...(tags !== undefined && { tags }),
  };
}

/** Without the version. */
function listed(url: URL, secret: StoredSecret): object {
  return { ...shown(url, secret), id: `${url.origin}/secrets/${secret.name}` };
}

function gone(url: URL, { name, deleted }: StoredSecret): object {
  const on = deleted?.on ?? 0;
  const recoveryId = `${url.origin}/deletedsecrets/${name}`;
  return { recoveryId, deletedDate: on, scheduledPurgeDate: on + 7 * 86_400 };
}

function partsOf({ pathname }: URL): readonly string[] {
  return pathname.split("/").filter(Boolean).map(decodeURIComponent);
}

function wordOf(part: string | undefined): string {
  if (part === undefined) return "";
  return /^(versions|backup|recover)$/.test(part) ? `/${part}` : "/VERSION";
}

function blobName(body: unknown): string {
  return Buffer.from(String((body as { value?: unknown }).value), "base64url").toString();
}
