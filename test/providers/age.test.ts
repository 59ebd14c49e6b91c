/** What the provider of age makes of input that the real programs do not write. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import {
  Encrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from "age-encryption";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import type { Settings } from "../../src/model/settings.ts";
import { Secret } from "../../src/model/secret.ts";
import { decryptDocument } from "../../src/providers/age/decrypt.ts";
import { unhurried } from "../fakes/time.ts";
import { type Format, parseDocument } from "../../src/providers/age/document.ts";
import { identityOf } from "../../src/providers/age/identity.ts";
import { decimalOf, integerOf } from "../../src/providers/age/numbers.ts";
import { createOpener } from "../../src/providers/age/opener.ts";
import { createAgeProvider } from "../../src/providers/age/provider.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { never } from "../reconciler/world.ts";

const FORMATS: readonly Format[] = ["yaml", "json", "dotenv", "binary"];

async function refusal(work: () => Promise<unknown>): Promise<DsoError> {
  const error: unknown = await work().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DsoError)) throw new Error(`not refused: ${inspect(error)}`);
  return error;
}

describe("an identity", () => {
  test.each([
    ["", "there is no age identity"],
    ["# only a comment\n\n", "there is no age identity"],
    ["# made\nAGE-SECRET-KEY-1TOPSECRET\n", "identity 1 is mistyped: its checksum is wrong"],
    ["TOPSECRET", "line 1 of the identity is no age identity"],
    ["# c\nAGE-PLUGIN-YUBIKEY-1TOPSECRET", "line 2 of the identity belongs to a plugin of age"],
    [
      "-----BEGIN OPENSSH PRIVATE KEY-----\nTOPSECRET",
      "line 1 of the identity is an SSH or PEM key",
    ],
    [
      "age-encryption.org/v1\n-> scrypt TOPSECRET",
      "line 1 of the identity is encrypted with a passphrase",
    ],
    [
      "-----BEGIN AGE ENCRYPTED FILE-----\nTOP",
      "line 1 of the identity is encrypted with a passphrase",
    ],
    ["age1TOPSECRET", "line 1 of the identity is a recipient, the public key"],
  ])("%j is refused and not repeated", async (text, why) => {
    const error = await refusal(() => createOpener("age", Buffer.from(text)));
    expect(error).toMatchObject({ code: "config-invalid" });
    expect(error.message).toContain(`provider "age": ${why}`);
    expect(inspect(error, { depth: 9 })).not.toContain("TOP");
  });

  it("may be post-quantum, and among others, with the ends of lines of Windows", async () => {
    const identities = [await generateX25519Identity(), await generateHybridIdentity()];
    const open = await createOpener("age", Buffer.from(`# c\r\n${identities.join("\r\n")}\r\n`));
    for (const identity of identities) {
      const sealed = await encrypt("v", await identityToRecipient(identity));
      expect((await open("f", sealed)).toString()).toBe("v");
    }
  });
});

describe("where an identity is", () => {
  const lookedFor = (settings: Settings, environment = {}): Promise<DsoError> =>
    refusal(async () =>
      Promise.resolve(
        identityOf({ name: "age", settings, environment, directory: "/nowhere", ...unhurried }),
      ),
    );

  test.each([
    [{ identity_file: "/" }, 'provider "age": identity_file / is a directory'],
    [{ identity_file: "a\0" }, "there is a NUL byte in the name"],
    [{ identity_file: `/${"x".repeat(300)}` }, "the name is too long"],
    [{ identity_file: "none" }, "identity_file /nowhere/none does not exist"],
    [{ identity_file: "/etc/passwd" }, "others can read the identity file /etc/passwd"],
    [{ identity_env: "NONE" }, "the variable NONE of identity_env is not set"],
  ])("%j is not there", async (settings, why) => {
    const error = await lookedFor(settings);
    expect(error).toMatchObject({ code: "config-invalid" });
    expect(error.message).toContain(why);
  });

  it("is said where nobody has said it", async () => {
    expect(await lookedFor({}, { HOME: "/nowhere" })).toMatchObject({
      message:
        'provider "age" has no identity: none is named, and /nowhere/.config/sops/age/keys.txt does not exist',
    });
  });
});

describe("an age file", () => {
  it("of a passphrase, or of no end of recipients, is not tried", async () => {
    const open = await createOpener("age", Buffer.from(await generateX25519Identity()));
    const encrypter = new Encrypter();
    encrypter.setScryptWorkFactor(2);
    encrypter.setPassphrase("p");
    const sealed = Buffer.from(await encrypter.encrypt("v"));
    expect((await refusal(() => open("f", sealed))).message).toBe(
      "f is encrypted with a passphrase, which nobody can type here",
    );
    const stanza = `-> X25519 ${"A".repeat(43)}\n${"A".repeat(43)}\n`;
    const many = `age-encryption.org/v1\n${stanza.repeat(1001)}--- ${"A".repeat(43)}\n`;
    expect((await refusal(() => open("f", Buffer.from(many)))).message).toContain("recipients");
  });

  it("for somebody else says for whom it has to be encrypted", async () => {
    const [mine, other] = [await generateX25519Identity(), await generateX25519Identity()];
    const open = await createOpener("age", Buffer.from(mine));
    const error = await refusal(async () =>
      open("f", await encrypt("v", await identityToRecipient(other))),
    );
    expect(error.hint).toBe(`Encrypt it again for ${await identityToRecipient(mine)} as well.`);
  });

  it("whatever it holds, is an answer or a DsoError", async () => {
    await using directory = await temporaryDirectory();
    const identity = await generateX25519Identity();
    const provider = createAgeProvider({
      ...{ name: "age", directory: directory.path },
      identity: () => new Secret(Buffer.from(identity)),
    });
    const header = fc.constantFrom(
      "",
      "age-encryption.org/v1\n",
      "-----BEGIN AGE ENCRYPTED FILE-----\n",
    );
    const names = fc.constantFrom("a.age", "a.yaml", "a.json", "a.env", "a");
    await fc.assert(
      fc.asyncProperty(
        names,
        header,
        fc.uint8Array({ maxLength: 300 }),
        async (name, head, rest) => {
          await writeFile(join(directory.path, name), Buffer.concat([Buffer.from(head), rest]));
          const answers = [
            ...(await provider.versions([{ path: name }], never)).values(),
            ...(await provider.read([{ path: name }], never)).values(),
          ];
          expect(answers[1]).toMatchObject({ code: "secret-denied" });
        },
      ),
      { numRuns: 40 },
    );
  });
});

async function encrypt(text: string, recipient: string): Promise<Buffer> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(text));
}

const VALUE = `ENC[AES256_GCM,data:AAAA,iv:${"A".repeat(43)}=,tag:${"A".repeat(22)}==,type:str]`;
const SOPS = `sops: { age: [{ recipient: r, enc: e }], mac: "${VALUE}", lastmodified: "2026-01-01T00:00:00Z" }`;
const ENV = `sops_age__list_0__map_enc=e\nsops_mac=${VALUE}\nsops_lastmodified=2026-01-01T00:00:00Z\n`;

describe("a SOPS document", () => {
  const parsed = (text: string, format: Format = "yaml"): Promise<unknown> =>
    parseDocument("f", Buffer.from(text), format);

  test.each<[string, string, Format?]>([
    ["is not encrypted", "a: b\n"],
    ["is not encrypted", "- a\n"],
    ["is not encrypted", "sops: here\n"],
    ["is not encrypted", ""],
    ["cannot be parsed", "a: [\n"],
    ["is nested too deep", `a: ${"[".repeat(5000)}`],
    ["cannot be parsed (DUPLICATE_KEY)", `a: 1\na: 2\n${SOPS}`],
    ["has an alias or a tag", `a: !!binary QQ==\n${SOPS}`],
    ["cannot be parsed (TAG_RESOLVE_FAILED)", `a: !set {}\n${SOPS}`],
    ["has several documents", `a: 1\n${SOPS}\n---\nb: 2\n${SOPS}`],
    ["has an alias or a tag", `a: &x 1\nb: *x\n${SOPS}`],
    ["is encrypted for AWS KMS alone", `a: 1\nsops: { kms: [{ arn: a }], age: [] }`],
    ["for GCP KMS and PGP alone", `a: 1\nsops: { pgp: [{ fp: a }], gcp_kms: [{}], kms: [] }`],
    ["is encrypted for PGP alone", "a=1\nsops_pgp__list_0__map_fp=a\n", "dotenv"],
    ["has no age recipient", `a: 1\nsops: { mac: m }`],
    ["has no age recipient", `a: 1\nsops: { age: [{ recipient: r }] }`],
    ["has no MAC", `a: 1\nsops: { age: [{ enc: e }], lastmodified: x }`],
    ["has no MAC", `a: 1\nsops: { age: [{ enc: e }], mac: x }`],
    ["has more than 1000 recipients", `a: 1\nsops: { age: [${"{ enc: e },".repeat(1001)}] }`],
    ["has a key twice", `A=1\nA=2\n${ENV}`, "dotenv"],
    ["has a line that is neither KEY=value nor a comment", `A\n${ENV}`, "dotenv"],
    ["is not encrypted", "A=1\n", "dotenv"],
    ["does not say of which format", '{"a":"b","sops":{}}', "binary"],
    ["is not encrypted", '{"data":"b"}', "binary"],
    ["is not encrypted", "[1]", "binary"],
  ])("that %s is refused", async (why, text, format) => {
    const error = await refusal(() => parsed(text.slice(0, 40_000), format));
    expect(error).toMatchObject({ code: "secret-denied" });
    expect(error.message).toContain(why);
    expect(error.message).not.toContain("\n");
  });

  it("gives no value where its MAC does not decrypt, whatever else it says", async () => {
    for (const [text, format] of [
      [`plain_unencrypted: x\n${SOPS}`, "yaml"],
      [`plain_unencrypted: x\n${SOPS.replace(/tag:A+==/, "tag:AAAAAA==")}`, "yaml"],
      [`A=x\n${ENV}`, "dotenv"],
    ] as const) {
      const document = await parseDocument("f", Buffer.from(text), format);
      const error = await refusal(async () =>
        Promise.resolve(decryptDocument("f", document, Buffer.alloc(32))),
      );
      expect(error.message).toContain("its MAC does not decrypt");
    }
  });

  it("whatever is made of one, is a document or a DsoError", async () => {
    const parts = [
      `a: ${VALUE}\n`,
      SOPS,
      ENV,
      "---\n",
      "&x ",
      "*x",
      "? ",
      "<<: ",
      "{",
      "}",
      "[",
      "]",
    ];
    const more = [
      "'",
      '"',
      "|\n ",
      "!!int ",
      "\t",
      "#",
      ": ",
      "- ",
      "\n",
      "__proto__: ",
      "\\n",
      "=",
      ",",
    ];
    const bytes = fc
      .uint8Array({ maxLength: 8 })
      .map((some) => Buffer.from(some).toString("latin1"));
    const part = fc.oneof(fc.constantFrom(...parts, ...more), bytes);
    const text = fc.array(part, { maxLength: 12 }).map((all) => all.join(""));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...FORMATS), text, async (format, written) => {
        try {
          const document = await parseDocument("f", Buffer.from(written), format);
          decryptDocument("f", document, Buffer.alloc(32));
        } catch (error) {
          expect(error).toBeInstanceOf(DsoError);
          return;
        }
        throw new Error("a value was given");
      }),
      { numRuns: 600 },
    );
  });
});

describe("numbers", () => {
  it("have the shortest digits that mean them, and no exponent", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const text = decimalOf(value);
        if (!Number.isFinite(value)) return ["NaN", "+Inf", "-Inf"].includes(text);
        const digits = text.replace(/^-?0*\.?0*|\./g, "").replace(/0+$/, "");
        return (
          Object.is(Number(text), value) && /^-?\d+(\.\d+)?$/.test(text) && digits.length <= 17
        );
      }),
    );
    expect([1e21, -1.5e-7, 15e9, 0.1].map(decimalOf)).toEqual([
      ...["1000000000000000000000", "-0.00000015", "15000000000", "0.1"],
    ]);
  });

  it("are integers with all their digits", () => {
    const written = ["9223372036854775807", "-0x1F", "+007", "0o14", "1.0", "1e3", ""];
    expect(written.map(integerOf)).toEqual([
      ...["9223372036854775807", "-31", "7", "12", undefined, undefined, undefined],
    ]);
  });
});
