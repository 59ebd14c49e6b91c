/** A directory of secrets that the real programs encrypt, and providers that read it. */
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SecretProvider } from "../../src/model/ports.ts";
import type { Settings } from "../../src/model/settings.ts";
import { openAgeProvider } from "../../src/providers/age/open.ts";
import { unhurried } from "../fakes/time.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

export interface Identity {
  readonly file: string;
  readonly recipient: string;
}

export interface AgeScene extends AsyncDisposable {
  /** Of the secrets. */
  readonly directory: string;
  readonly mine: Identity;
  readonly other: Identity;
  readonly place: (name: string) => string;
  readonly age: (name: string, value: Uint8Array, ...options: readonly string[]) => Promise<void>;
  /** Encrypts what is written, in the format that the name ends with. */
  readonly sops: (
    name: string,
    plain: string | Uint8Array,
    ...more: readonly string[]
  ) => Promise<void>;
  /** As `sops`, by a creation rule of `.sops.yaml`, without `path_regex`. */
  readonly sopsBy: (name: string, plain: string, rule: string) => Promise<void>;
  /** What `sops decrypt` gives, as one of its formats. */
  readonly decrypted: (name: string, as?: string) => Buffer;
  readonly open: (more?: Settings, environment?: Record<string, string>) => SecretProvider;
}

export async function startAge(): Promise<AgeScene> {
  const program = process.env["DSO_SOPS"];
  if (program === undefined) throw new Error("DSO_SOPS is not set: script/sops prints it");
  const root = await temporaryDirectory();
  const directory = join(root.path, "secrets");
  await mkdir(directory);
  const [mine, other] = [newIdentity(root.path, "mine"), newIdentity(root.path, "other")];
  const place = (name: string): string => join(directory, name);
  const env = { PATH: process.env["PATH"], HOME: root.path, SOPS_AGE_KEY_FILE: mine.file };
  const run = (args: readonly string[], input?: Uint8Array): Buffer =>
    execFileSync(program, ["--disable-version-check", ...args], { env, input, stdio: "pipe" });
  return {
    ...{ directory, mine, other, place },
    age: async (name, value, ...options) => {
      await mkdir(dirname(place(name)), { recursive: true });
      const args = ["-r", mine.recipient, ...options, "-o", place(name)];
      execFileSync("age", args, { input: value, stdio: "pipe" });
    },
    sops: async (name, plain, ...more) => {
      await mkdir(dirname(place(name)), { recursive: true });
      const recipient = more.some((one) => one === "--age") ? [] : ["--age", mine.recipient];
      const args = ["encrypt", ...recipient, ...more, "--filename-override", name];
      await writeFile(place(name), run(args, Buffer.from(plain)));
    },
    sopsBy: async (name, plain, rule) => {
      const config = join(root.path, "rules.yaml");
      await writeFile(config, `creation_rules: [{ ${rule} }]`);
      const args = ["--config", config, "encrypt", "--filename-override", name];
      await writeFile(place(name), run(args, Buffer.from(plain)));
    },
    decrypted: (name, as) =>
      run(["decrypt", ...(as === undefined ? [] : ["--output-type", as]), place(name)]),
    open: (more = { identity_file: mine.file }, environment = {}) =>
      openAgeProvider({
        ...{ name: "age", settings: { path: "secrets", ...more }, environment },
        ...{ directory: root.path, ...unhurried },
      }),
    [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
  };
}

function newIdentity(directory: string, name: string): Identity {
  const file = join(directory, `${name}.txt`);
  execFileSync("age-keygen", ["-o", file], { stdio: "pipe" });
  const recipient = execFileSync("age-keygen", ["-y", file], { encoding: "utf8" }).trim();
  return { file, recipient };
}
