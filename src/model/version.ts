/**
 * The provider's own version of a secret: Vault's number, AWS's VersionId,
 * Azure's version id, the local vault's number, or a keyed fingerprint. Opaque:
 * it is compared for equality and shown, nothing else.
 */
export type Version = string;

/** Secret name (`provider:path`) to version: one snapshot serves one attempt. */
export type Versions = ReadonlyMap<string, Version>;
