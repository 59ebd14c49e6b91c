import { readPrivateFile } from "../lib/files.ts";
import { DsoError } from "../model/errors.ts";
import type { Secret } from "../model/secret.ts";
import { parseSecretName, type SecretName } from "../providers/local/names.ts";
import type { Context } from "../reconciler/context.ts";
import { askHidden, withoutNewline } from "./input.ts";
import { isInteractive, type Session } from "./session.ts";

/** Makes an empty vault; rejects where there is one already. */
export async function createVault(
  context: Context,
  session: Session,
  withPassphrase: boolean,
): Promise<void> {
  const { initVault } = await import("../providers/local/setup.ts");
  const { vaultFile, keyFile, stateDir, lockFile } = context.vault;
  const asked = withPassphrase ? { passphrase: () => askTwice(session) } : {};
  await initVault({ vaultFile, keyFile, stateDir, lockFile, ...asked }, session.signal);
}

/** What opens a vault with a passphrase: the file that a variable names, else a person, else nothing. */
export function passphraseSource(session: Session): Context["vault"]["passphrase"] {
  const file = session.environment["DSO_VAULT_PASSPHRASE_FILE"];
  if (file !== undefined && file !== "") return () => readPassphrase(file);
  if (!isInteractive(session)) return undefined;
  return () => askHidden(session, "Passphrase of the vault: ");
}

async function readPassphrase(file: string): Promise<Secret> {
  const bytes = await readPrivateFile(file);
  if (bytes === undefined) {
    throw new DsoError("vault-key", `There is no passphrase file ${file}.`, {
      hint: "Correct DSO_VAULT_PASSPHRASE_FILE.",
    });
  }
  return withoutNewline(bytes);
}

/** Twice, because nothing could tell a mistyped one later. */
async function askTwice(session: Session): Promise<Secret> {
  const first = await askHidden(session, "New passphrase of the vault: ");
  using second = await askHidden(session, "The same again: ");
  if (first.byteLength > 0 && first.equals(second)) return first;
  const empty = first.byteLength === 0;
  first.drop();
  throw new DsoError("usage", empty ? "The passphrase is empty." : "The passphrases differ.", {
    hint: "Try again; nothing was written.",
  });
}

/**
 * `app/db#password`, or with the name of a provider that is a local vault before
 * it. Rejects with `usage` where another kind of store is named.
 */
export function localName({ config }: Pick<Context, "config">, text: string): SecretName {
  const [prefix = "", ...rest] = text.replace(/^dso(file)?:\/\//, "").split(":");
  if (rest.length === 0) return parseSecretName(prefix);
  const provider = config.providers.get(prefix);
  if (provider === undefined) return parseSecretName([prefix, ...rest].join(":"));
  if (provider.type === "local") return parseSecretName(rest.join(":"));
  throw new DsoError("usage", `Provider "${prefix}" is no local vault.`, {
    hint: "Change the secret where it is kept; dso secret works with the local vault.",
  });
}

/** How references name a secret of the local vault: once for each provider that is one. */
export function referenceNames(
  { config }: Pick<Context, "config">,
  path: string,
): readonly string[] {
  return [...config.providers.values()]
    .filter(({ type }) => type === "local")
    .map(({ name }) => `${name}:${path}`);
}
