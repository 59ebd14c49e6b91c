/**
 * The provider's own version of a secret: Vault's number, AWS's VersionId,
 * Azure's version id, the local vault's number, or a keyed fingerprint. Opaque:
 * it is compared for equality and shown, nothing else. Of a file or variable of this
 * host it is a keyed fingerprint.
 */
export type Version = string;

/**
 * Version key to version: one snapshot serves one attempt. The key is the secret's
 * name (`provider:path`), or `provider:path@pinned` where the reference pins a
 * version, so that several versions of one secret live side by side (`versionKey`).
 * A file or variable of this host has its own kind of name (`hostContentName`).
 */
export type Versions = ReadonlyMap<string, Version>;
