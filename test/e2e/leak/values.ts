/** Values that cannot be anywhere by chance, and how to find them in whatever form. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";

export type ValueName =
  | "password1"
  | "password2"
  | "token"
  | "half"
  | "part"
  | "certificate"
  | "quiet"
  | "quietBad"
  | "spoken"
  | "spokenBad"
  | "doubtful"
  | "doubtfulBad"
  | "sealed"
  | "sealedBad"
  | "shelled"
  | "shelledBad"
  | "refused"
  | "imported"
  | "exposed"
  | "planted";

export type Values = Readonly<Record<ValueName, string>>;

/** Text that every encoding writes differently, between two ends that most leave alone. */
export function createValues(): Values {
  const end = (): string => randomBytes(15).toString("hex").toUpperCase();
  const make = (start = ""): string => `${start}${end()}"\\/+ä<%\t${end()}`;
  return {
    ...{ password1: make(), password2: make(), token: make(), half: make(), certificate: make() },
    ...{ quiet: make(), quietBad: make("bad-"), spoken: make(), spokenBad: make("bad-") },
    ...{ doubtful: make(), doubtfulBad: make("bad-"), sealed: make(), sealedBad: make("bad-") },
    ...{
      shelled: make(),
      shelledBad: make("bad-"),
      refused: make(),
      part: make(),
      imported: make(),
    },
    ...{ exposed: make(), planted: make() },
  };
}

/**
 * What a value leaves behind: its ends as they are (so it is in raw, URL-escaped and
 * JSON-escaped text), in hex, and in base64 at each of the three places it may begin.
 */
function needlesOf(value: string): readonly Buffer[] {
  const ends = [value.slice(0, 30), value.slice(-30)];
  const forms = ends.flatMap((text) => {
    const hex = Buffer.from(text).toString("hex");
    return [text, hex, hex.toUpperCase(), ...base64Forms(Buffer.from(text))];
  });
  return forms.map((form) => Buffer.from(form));
}

function base64Forms(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((offset) => {
    const whole = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    // The characters at both ends also hold bits of the neighbours.
    const inner = whole.slice(4, -4);
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** Names of the values that are in these bytes. */
export function createFinder(
  values: Readonly<Record<string, string>>,
): (bytes: Buffer) => readonly string[] {
  const needles = Object.entries(values).map(([name, value]) => ({
    name,
    needles: needlesOf(value),
  }));
  return (bytes) =>
    needles
      .filter(({ needles: own }) => own.some((one) => bytes.includes(one)))
      .map(({ name }) => name);
}
