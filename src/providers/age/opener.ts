/** age itself: what was encrypted for one of our identities, opened. */
import { unreadable } from "./tree.ts";
import { parseIdentities, unusable } from "./identity.ts";

/**
 * Opens an age file of either form. Rejects with `secret-denied`; `file` is where it stands, and `most` how many
 * recipients it may have, a thousand where nothing is said.
 */
export type Opener = (file: string, sealed: Buffer, most?: number) => Promise<Buffer>;

const BINARY = "age-encryption.org/v1";
const ARMORED = "-----BEGIN AGE ENCRYPTED FILE-----";
/** Each of them costs an attempt. */
const MAX_RECIPIENTS = 1000;

export function isAge(bytes: Buffer): boolean {
  return isArmored(bytes) || bytes.toString("latin1", 0, BINARY.length) === BINARY;
}

function isArmored(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, 1000).trimStart().startsWith(ARMORED);
}

/** Rejects with `config-invalid` for what is no identity. The library is loaded here: only who decrypts pays for it. */
export async function createOpener(provider: string, identity: Buffer): Promise<Opener> {
  const lines = parseIdentities(provider, identity);
  const { Decrypter, armor, identityToRecipient } = await import("age-encryption");
  const decrypter = new Decrypter();
  for (const [index, line] of lines.entries()) {
    try {
      decrypter.addIdentity(line);
    } catch {
      throw unusable(provider, `identity ${index + 1} is mistyped: its checksum is wrong`);
    }
  }
  return async (file, sealed, most = MAX_RECIPIENTS) => {
    const bytes = isArmored(sealed)
      ? await orDamaged(file, () => armor.decode(sealed.toString("latin1")))
      : sealed;
    checkHeader(file, bytes, most);
    try {
      const opened = await decrypter.decrypt(bytes);
      return Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("no identity matched"))) {
        throw damaged(file);
      }
      const recipients = await Promise.all(lines.map((line) => identityToRecipient(line)));
      throw unreadable(
        file,
        `is not encrypted for the identity of provider "${provider}"`,
        `Encrypt it again for ${shortened(recipients)} as well.`,
      );
    }
  };
}

/** What the library would try in vain, or for hours. */
function checkHeader(file: string, bytes: Uint8Array, most: number): void {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = text.indexOf("\n---");
  const recipients = text
    .toString("latin1", 0, end === -1 ? text.length : end)
    .split("\n-> ")
    .slice(1);
  if (recipients.some((stanza) => stanza.startsWith("scrypt "))) {
    throw unreadable(
      file,
      "is encrypted with a passphrase, which nobody can type here",
      "Encrypt it for a recipient: age -r age1…",
    );
  }
  if (recipients.length > most) {
    throw unreadable(file, `has more than ${most} recipients in one age file`);
  }
}

async function orDamaged<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch {
    throw damaged(file);
  }
}

function damaged(file: string): Error {
  return unreadable(
    file,
    "does not decrypt: it is damaged or cut short",
    "Take it from an older commit, or encrypt it again.",
  );
}

/** One of a post-quantum identity fills a screen. */
function shortened(recipients: readonly string[]): string {
  return recipients
    .map((one) => (one.length > 100 ? `${one.slice(0, 20)}… (see age-keygen -y)` : one))
    .join(" or ");
}
