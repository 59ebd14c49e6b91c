/** dso.yaml as somebody writes it, until a provider is made of it. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import type { DsoError } from "../../src/model/errors.ts";
import { openEnvProvider } from "../../src/providers/env.ts";
import { openFileProvider } from "../../src/providers/file.ts";
import { credentialAt, type Opening } from "../../src/providers/opening.ts";
import { openVaultProvider } from "../../src/providers/vault/open.ts";
import { unhurried } from "../fakes/time.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { never } from "../reconciler/world.ts";

async function opening(
  directory: string,
  text: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Opening> {
  const { providers } = await parseConfig(
    `providers: { it: ${text} }`,
    join(directory, "dso.yaml"),
  );
  const { settings } = providers.get("it")!;
  return { name: "it", settings, environment, directory, ...unhurried };
}

describe("a credential", () => {
  const read = async (auth: string, variables = {}): Promise<string | undefined> => {
    await using directory = await temporaryDirectory();
    await writeFile(join(directory.path, "token"), "of the file\r\n\n");
    await writeFile(join(directory.path, "empty"), "\n");
    const text = `{ type: vault, addr: "https://v", auth: ${auth} }`;
    const from = await opening(directory.path, text, variables);
    return credentialAt(from, from.settings["auth"] as object as Opening["settings"], "token")
      ?.reveal()
      .toString();
  };

  it.each([
    ["{ method: token, token: written }", "written"],
    ["{ method: token, token_env: T }", "of the variable"],
    ["{ method: token, token_file: token }", "of the file"],
    ["{ method: token }", undefined],
  ])("%s", async (auth, expected) => {
    expect(await read(auth, { T: "of the variable" })).toBe(expected);
  });

  it.each([
    ["{ method: token, token_env: T }", "the variable T of token_env is not set"],
    ["{ method: token, token_file: none }", "token_file"],
    ["{ method: token, token_file: empty }", "the file of token_file is empty"],
    ["{ method: token, token: t, token_env: T }", "token and token_env, and one is to be it"],
  ])("%s is refused where it is not there, or twice", async (auth, words) => {
    await expect(read(auth, { T: "" })).rejects.toMatchObject({
      ...{ code: "config-invalid", message: expect.stringContaining(words) as unknown },
      hint: expect.stringContaining("providers.it") as unknown,
    });
  });
});

describe("what cannot be an address, a token or a certificate is said before anybody is asked", () => {
  it.each([
    [`{ type: vault, addr: "https://vault:82000" }`, "addr is no address"],
    [
      `{ type: vault, addr: "https://v", tls: { client_key: junk } }`,
      "no certificate and key in PEM",
    ],
    [`{ type: vault, addr: "https://v", tls: { ca_cert: none } }`, "none does not exist"],
  ])("%s", async (text, words) => {
    await using directory = await temporaryDirectory();
    await writeFile(join(directory.path, "junk"), "-----BEGIN NOTHING-----");
    const from = await opening(directory.path, text);
    const fault = (): unknown => openVaultProvider(from);
    expect(fault).toThrow(expect.objectContaining({ code: "config-invalid" }) as Error);
    expect(fault).toThrow(words);
  });

  it.each(["https://bob:hunter2@vault", "https://vault?x=1", "https://va ult"])(
    "%s is none in dso.yaml itself, and is not said back",
    async (addr) => {
      const fault: unknown = await opening("/", `{ type: vault, addr: "${addr}" }`).catch(
        (thrown: unknown) => thrown,
      );
      expect(fault).toMatchObject({ code: "config-invalid" });
      expect(String(fault)).not.toContain("hunter2");
    },
  );

  it("a token with a space in it", async () => {
    const from = await opening(
      "/",
      `{ type: vault, addr: "https://127.0.0.1:1", auth: { token: "a b" } }`,
    );
    const asked = openVaultProvider(from).versions([{ path: "x" }], never);
    await expect(asked).rejects.toMatchObject({ code: "config-invalid" });
  });
});

it("variables have a prefix of their own, unless another one is written", async () => {
  const environment = { DSO_SECRET_A: "a", B: "b", MY_B: "mine" };
  const told = async (text: string, path: string): Promise<unknown> => {
    const provider = openEnvProvider(await opening("/", text, environment));
    return (await provider.read([{ path }], never)).get(path);
  };
  expect(await told("{ type: env }", "A")).toMatchObject({ values: expect.any(Map) as unknown });
  expect(await told("{ type: env }", "B")).toMatchObject({ code: "secret-missing" });
  expect(await told("{ type: env, prefix: MY_ }", "B")).toMatchObject({
    values: expect.any(Map) as unknown,
  });
});

it("no file outside of the directory is read, whatever a path or a link says", async () => {
  await using directory = await temporaryDirectory();
  const base = join(directory.path, "given");
  await mkdir(join(base, "..data"), { recursive: true });
  await writeFile(join(directory.path, "outside"), "no");
  await writeFile(join(base, "..data/inside"), "yes");
  await symlink("..data/inside", join(base, "link"));
  await symlink("../outside", join(base, "out"));
  await symlink(base, join(directory.path, "named"));
  const provider = openFileProvider(await opening(directory.path, "{ type: file, path: named }"));
  const paths = ["link", "out", "../outside", "..data", "none", "link/x"];
  const answers = await provider.read(
    paths.map((path) => ({ path })),
    never,
  );
  const codes = paths.map((path) => (answers.get(path) as DsoError).code);
  expect(codes).toEqual([
    ...[undefined, "secret-denied", "secret-denied", "secret-denied"],
    ...["secret-missing", "secret-missing"],
  ]);
  const versions = await provider.versions([{ path: "out" }, { path: "..data" }], never);
  expect(versions.get("out")).toMatchObject({ code: "secret-denied" });
  expect(versions.get("..data")).toMatchObject({ code: "secret-denied" });
});
