/** Secrets and configs that come from this host: a file of it, or a variable of this process. */
import { createHmac } from "node:crypto";
import { readFault, readStoredFile } from "../../lib/namedFile.ts";
import { type DesiredService, type HostContent, hostContentName } from "../../model/desired.ts";
import { combine, DsoError } from "../../model/errors.ts";
import { Secret } from "../../model/secret.ts";
import type { Version } from "../../model/version.ts";

/** Name to value. */
export type HostVariables = Readonly<Record<string, string | undefined>>;

export interface HostValue {
  readonly service: string;
  /** Absolute, in the container. */
  readonly target: string;
  /** As in `Desired.versions`. */
  readonly name: string;
  readonly value: Secret;
}

/**
 * What these services are given of this host. Throws one error that lists
 * every source that cannot be read. The caller owns the values and drops them.
 */
export function readHostContents(
  services: readonly DesiredService[],
  variables: HostVariables,
): readonly HostValue[] {
  const found: HostValue[] = [];
  const faults: DsoError[] = [];
  for (const { name: service, files } of services) {
    for (const { content, target } of files) {
      if (content.kind === "template") continue;
      try {
        const value = new Secret(readContent(content, variables));
        found.push({ service, target, name: hostContentName(content), value });
      } catch (cause) {
        faults.push(unreadable(service, target, content, cause));
      }
    }
  }
  if (faults.length === 0) return found;
  for (const { value } of found) value.drop();
  throw combine(faults);
}

/** A plan reads it, and apply once more: nothing that gives its content only once will do. */
function readContent(content: HostContent, variables: HostVariables): Buffer {
  if (content.kind === "host-file") return readStoredFile(content.path);
  const value = variables[content.variable];
  if (value === undefined) throw new Error(`the variable ${content.variable} is not set`);
  return Buffer.from(value);
}

function unreadable(
  service: string,
  target: string,
  content: HostContent,
  cause: unknown,
): DsoError {
  const what = content.kind === "host-file" ? content.path : `$${content.variable}`;
  const why = readFault(cause) ?? "is not set";
  return new DsoError(
    "compose-invalid",
    `service ${service}: the source ${what} of ${target} ${why}`,
    { hint: "Create it, or remove the secret from the service.", cause },
  );
}

/**
 * Stands for the content where versions are compared: 16 bytes of a keyed hash, in
 * hex. Without the key nobody can try guesses on it, and since the name goes in,
 * two equal contents do not show that they are.
 */
export function fingerprintHostValue(key: Buffer, { name, value }: HostValue): Version {
  const hash = createHmac("sha256", key).update(`${name}\0`).update(value.reveal());
  return hash.digest().subarray(0, 16).toString("hex");
}
