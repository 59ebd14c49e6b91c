/** What somebody who can write to the repository, and has no identity, can make of its documents. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  armor,
  Decrypter,
  Encrypter,
  generateX25519Identity,
  identityToRecipient,
} from "age-encryption";
import { describe, expect, it, test, vi } from "vitest";
import { protectedKeys } from "../../src/providers/age/decrypt.ts";
import { parseDocument } from "../../src/providers/age/document.ts";
import { createAgeProvider } from "../../src/providers/age/provider.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { never } from "../reconciler/world.ts";

const VALUE = `ENC[AES256_GCM,data:AAAA,iv:${"A".repeat(43)}=,tag:${"A".repeat(22)}==,type:str]`;
const REST = `mac: "${VALUE}", lastmodified: "2026-01-01T00:00:00Z"`;

test("where the MAC is over encrypted values alone, nothing else is given", async () => {
  const value = JSON.stringify(VALUE);
  const lines = [
    ...[`text: ${value}`, `list: [${value}]`, `mapping: { inner: ${value} }`],
    ...["plain: x", 'empty: ""', "nothing: null", "none: []", "bare: {}"],
    ...[`added: { inner: ${value}, more: "" }`, `longer: [${value}, null]`, `deep: [${value}, []]`],
    `sops: { age: [{ enc: e }], ${REST}, mac_only_encrypted: true }`,
  ];
  const document = await parseDocument("f", Buffer.from(lines.join("\n")), "yaml");
  expect(protectedKeys(document)).toEqual(["text", "list", "mapping"]);
});

describe("a document with many data keys", () => {
  const sealedFor = async (recipients: readonly string[]): Promise<string> => {
    const encrypter = new Encrypter();
    for (const one of recipients) encrypter.addRecipient(one);
    return armor.encode(await encrypter.encrypt(Buffer.alloc(32)));
  };
  const provided = async (
    directory: string,
    dataKeys: readonly string[],
  ): Promise<SecretProvider> => {
    const identity = await generateX25519Identity();
    const sops = { age: dataKeys.map((enc) => ({ enc })), mac: VALUE, lastmodified: "x" };
    await writeFile(join(directory, "a.json"), JSON.stringify({ a: VALUE, sops }));
    const held = (): Secret => new Secret(Buffer.from(identity));
    return createAgeProvider({ name: "age", directory, identity: held });
  };

  it("has few recipients for each of them", async () => {
    await using directory = await temporaryDirectory();
    const other = await identityToRecipient(await generateX25519Identity());
    const sealed = await sealedFor(Array.from({ length: 5 }, () => other));
    const provider = await provided(directory.path, [sealed]);
    expect((await provider.read([{ path: "a" }], never)).get("a")).toMatchObject({
      code: "secret-denied",
      message: expect.stringContaining("has more than 4 recipients in one age file") as string,
    });
  });

  it("is left when somebody aborts", async () => {
    await using directory = await temporaryDirectory();
    const other = await identityToRecipient(await generateX25519Identity());
    const sealed = await sealedFor([other]);
    const provider = await provided(
      directory.path,
      Array.from({ length: 400 }, () => sealed),
    );
    const stop = new AbortController();
    let tries = 0;
    const spied = vi.spyOn(Decrypter.prototype, "decrypt").mockImplementation(() => {
      if (++tries === 3) setImmediate(() => stop.abort(new Error("enough")));
      return Promise.reject(new Error("no identity matched any of the recipients"));
    });
    await expect(provider.read([{ path: "a" }], stop.signal)).rejects.toThrow("enough");
    spied.mockRestore();
    expect(tries).toBeLessThan(6);
  });
});
