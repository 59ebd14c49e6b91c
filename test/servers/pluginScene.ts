/** A directory of plugins, with a manifest, and providers that run them. */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { scrubOnce } from "../../src/apply/scrub.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import { createPluginProvider, type PluginOptions } from "../../src/providers/plugin/provider.ts";
import { patient } from "../fakes/time.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

export interface PluginScene extends AsyncDisposable {
  /** Of the plugins. */
  readonly directory: string;
  /** What is run of them lies below it. */
  readonly copies: string;
  readonly path: string;
  /** Writes the program, and its hash into the manifest. */
  readonly install: (type: string, program: string | Uint8Array) => Promise<string>;
  readonly open: (type: string, more?: Partial<PluginOptions>) => SecretProvider;
  readonly closeAll: () => Promise<void>;
  /** A file that a plugin has written. */
  readonly read: (name: string) => Promise<string>;
}

export async function createPluginScene(): Promise<PluginScene> {
  const home = await temporaryDirectory();
  const [directory, copies] = [join(home.path, "plugins"), join(home.path, "copies")];
  await mkdir(directory, { mode: 0o755 });
  const registered: Record<string, { sha256: string }> = {};
  const opened: SecretProvider[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((provider) => provider.close()));
  };
  return {
    ...{ directory, copies, path: home.path },
    async install(type, program) {
      const file = join(directory, `dso-provider-${type}`);
      await writeFile(file, program, { mode: 0o755 });
      registered[type] = { sha256: createHash("sha256").update(program).digest("hex") };
      const text = JSON.stringify({ plugins: registered }, undefined, 2);
      await writeFile(join(directory, "manifest.json"), text, { mode: 0o644 });
      return file;
    },
    open(type, more) {
      const provider = createPluginProvider({
        ...{
          provider: "team",
          type,
          directory,
          copies,
          ...patient,
          scrub: scrubOnce,
        },
        ...{ config: json({}), environment: { PATH: "/usr/bin:/bin" } },
        ...{ timeoutMs: 10_000, maxBytes: 64 * 1024 * 1024 },
        ...more,
      });
      opened.push(provider);
      return provider;
    },
    closeAll,
    read: (name) => readFile(join(home.path, name), "utf8"),
    async [Symbol.asyncDispose]() {
      await closeAll();
      await home[Symbol.asyncDispose]();
    },
  };
}

export const json = (value: unknown): Secret => new Secret(Buffer.from(JSON.stringify(value)));

export const example = (): Promise<Buffer> =>
  readFile(new URL("../../examples/plugin/dso-provider-folder", import.meta.url));

/** A program of these lines. `answer` is the answer to "initialize", of version 1 if no other is said. */
export function shell(lines: readonly string[]): string {
  const result = `'{"jsonrpc":"2.0","id":1,"result":{"protocol":'"\${1:-1}"'}}'`;
  return ["#!/bin/sh", `answer() { read -r first; echo ${result}; }`, ...lines, ""].join("\n");
}

/** Asks until it is so, which ends with the test's own time. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(20);
}
