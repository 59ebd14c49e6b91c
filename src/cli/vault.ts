import { readPrivateFile } from "../lib/files.ts";
import { DsoError } from "../model/errors.ts";
import { type SecretId, secretName } from "../model/reference.ts";
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
  const asked = withPassphrase ? { passphrase: () => newPassphrase(session) } : {};
  await initVault({ vaultFile, keyFile, stateDir, lockFile, ...asked }, session.signal);
}

/**
 * Lets a new passphrase, or a new key file, open the vault instead of what does now.
 * The path at which the key file of before was put, if it was moved.
 */
export async function changeVaultKey(
  context: Context,
  session: Session,
  withPassphrase: boolean,
): Promise<string | undefined> {
  const setup = await import("../providers/local/setup.ts");
  if (!withPassphrase) return setup.renewKeyFile(context.vault, session.signal);
  const { vaultFile, keyFile } = context.vault;
  const passphrase = () => newPassphrase(session, "DSO_VAULT_NEW_PASSPHRASE_FILE");
  await setup.rewrapVault(context.vault, { vaultFile, keyFile, passphrase }, session.signal);
  return undefined;
}

/** Puts the generation before in the place of a vault that is damaged or gone. */
export async function restorePreviousVault(context: Context, session: Session): Promise<void> {
  const setup = await import("../providers/local/setup.ts");
  await setup.restorePreviousVault(context.vault, session.signal);
}

/** Takes the vault that lies there for the newest, though another was seen before. */
export async function acceptVault(context: Context, session: Session): Promise<void> {
  const setup = await import("../providers/local/setup.ts");
  await setup.acceptVault(context.vault, session.signal);
}

/** What opens a vault with a passphrase: the file that a variable names, else a person, else nothing. */
export function passphraseSource(session: Session): Context["vault"]["passphrase"] {
  const variable = "DSO_VAULT_PASSPHRASE_FILE";
  const file = passphraseFile(session, variable);
  if (file !== undefined) return () => readPassphrase(file, variable);
  if (!isInteractive(session)) return undefined;
  return () => askHidden(session, "Passphrase of the vault: ", byFile(variable));
}

/** The second is for a change, where the first opens the vault as it still is. */
type Variable = "DSO_VAULT_PASSPHRASE_FILE" | "DSO_VAULT_NEW_PASSPHRASE_FILE";

function byFile(variable: Variable): string {
  return `Write it into a file of your own (mode 0600), and name that in ${variable}.`;
}

function passphraseFile({ environment }: Session, variable: Variable): string | undefined {
  const file = environment[variable];
  return file === "" ? undefined : file;
}

async function readPassphrase(file: string, variable: Variable): Promise<Secret> {
  const bytes = await readPrivateFile(file);
  if (bytes === undefined) {
    throw new DsoError("vault-key", `There is no passphrase file ${file}.`, {
      hint: `Correct ${variable}.`,
    });
  }
  return withoutNewline(bytes);
}

/** Asked for twice, because nothing could tell a mistyped one later. */
async function newPassphrase(
  session: Session,
  variable: Variable = "DSO_VAULT_PASSPHRASE_FILE",
): Promise<Secret> {
  const file = passphraseFile(session, variable);
  if (file !== undefined) return refuseEmpty(await readPassphrase(file, variable));
  const first = await askHidden(session, "New passphrase of the vault: ", byFile(variable));
  using second = await askHidden(session, "The same again: ", byFile(variable));
  if (first.equals(second)) return refuseEmpty(first);
  first.drop();
  throw refused("The passphrases differ.");
}

function refuseEmpty(passphrase: Secret): Secret {
  if (passphrase.byteLength > 0) return passphrase;
  throw refused("The passphrase is empty.");
}

function refused(why: string): DsoError {
  return new DsoError("usage", why, { hint: "Try again; nothing was written." });
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

/** As in a reference: `app/db` of the default store, or `vault:app/db`. */
export function secretNamed({ config }: Pick<Context, "config">, text: string): SecretId {
  const [prefix = "", ...rest] = text.replace(/^dso(file)?:\/\//, "").split(":");
  const named = rest.length > 0 && config.providers.has(prefix);
  const path = named ? rest.join(":") : [prefix, ...rest].join(":");
  return {
    provider: named ? prefix : config.defaults.provider,
    path: parseSecretName(path).path,
  };
}

/** The names of a secret in references: the local vault may be several providers. */
export function namesOf(context: Pick<Context, "config">, id: SecretId): ReadonlySet<string> {
  const isLocal = context.config.providers.get(id.provider)?.type === "local";
  return new Set(isLocal ? referenceNames(context, id.path) : [secretName(id)]);
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
