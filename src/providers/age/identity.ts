/** The private keys of age: where they are, and who else may read them. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { DsoError } from "../../model/errors.ts";
import { Secret } from "../../model/secret.ts";
import { fileAt, type Opening, textAt } from "../opening.ts";

/** A copy of what dso.yaml names, or of what SOPS would take. Rejects with `config-invalid`. */
export function identityOf(opening: Opening): Secret {
  const { name, settings, environment } = opening;
  const written = settings["identity"];
  if (written instanceof Secret) return new Secret(Buffer.from(written.reveal()));
  const variable = textAt(settings, "identity_env");
  if (variable !== undefined) {
    const value = environment[variable];
    if (value !== undefined && value !== "") return new Secret(Buffer.from(value));
    const message = `provider "${name}": the variable ${variable} of identity_env is not set`;
    throw new DsoError("config-invalid", message, {
      hint: `Set it where dso runs, or correct providers.${name}.identity_env in dso.yaml.`,
    });
  }
  const file = textAt(settings, "identity_file");
  if (file !== undefined) return privateFile(opening, file);
  const { SOPS_AGE_KEY, SOPS_AGE_KEY_FILE } = environment;
  if (SOPS_AGE_KEY !== undefined && SOPS_AGE_KEY !== "") {
    return new Secret(Buffer.from(SOPS_AGE_KEY));
  }
  const usual = resolve(SOPS_AGE_KEY_FILE || sopsFile(environment));
  if (existsSync(usual)) return privateFile(opening, usual);
  const message = `provider "${name}" has no identity: none is named, and ${usual} does not exist`;
  throw new DsoError("config-invalid", message, {
    hint: `Name its file as providers.${name}.identity_file in dso.yaml, or set SOPS_AGE_KEY_FILE.`,
  });
}

function sopsFile(environment: Opening["environment"]): string {
  const config = environment["XDG_CONFIG_HOME"] || join(environment["HOME"] ?? "/", ".config");
  return join(config, "sops/age/keys.txt");
}

function privateFile(opening: Opening, written: string): Secret {
  const path = resolve(opening.directory, written);
  const settings = { ...opening.settings, identity_file: path };
  let mode = 0;
  const bytes = fileAt(opening, settings, "identity_file", (stat) => ({ mode } = stat));
  if (bytes === undefined) throw new Error(`${path} was named and is not read`);
  const held = new Secret(bytes);
  if ((mode & 0o077) === 0) return held;
  held.drop();
  const shown = (mode & 0o777).toString(8).padStart(4, "0");
  const message = `provider "${opening.name}": others can read the identity file ${path} (mode ${shown})`;
  throw new DsoError("config-invalid", message, { hint: `chmod 600 ${path}` });
}

const LINE = /^AGE-SECRET-KEY-(PQ-)?1[A-Z0-9]+$/;

const NOT_ONE: readonly (readonly [RegExp, string])[] = [
  [/^age-encryption\.org\/|^-----BEGIN AGE ENCRYPTED FILE/, "is encrypted with a passphrase"],
  [/^-----BEGIN /, "is an SSH or PEM key, and only age's own are read"],
  [/^AGE-PLUGIN-/, "belongs to a plugin of age, and plugins are not asked"],
  [/^age1/, "is a recipient, the public key"],
];

/** One a line, with comments and empty lines between; no line of it is repeated in an error. */
export function parseIdentities(provider: string, bytes: Buffer): readonly string[] {
  const identities: string[] = [];
  for (const [index, raw] of bytes.toString().split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    if (!LINE.test(line)) {
      const why = NOT_ONE.find(([pattern]) => pattern.test(line))?.[1] ?? "is no age identity";
      throw unusable(provider, `line ${index + 1} of the identity ${why}`);
    }
    identities.push(line);
  }
  if (identities.length === 0) throw unusable(provider, "there is no age identity");
  return identities;
}

export function unusable(provider: string, what: string): DsoError {
  return new DsoError("config-invalid", `provider "${provider}": ${what}`, {
    hint: "It needs a line AGE-SECRET-KEY-1…, as age-keygen writes it.",
  });
}
