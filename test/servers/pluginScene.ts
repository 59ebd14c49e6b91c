/** A directory of plugins, with a manifest, and providers that run them. */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createScrubber } from "../../src/apply/scrub.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import { createPluginProvider, type PluginOptions } from "../../src/providers/plugin/provider.ts";
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
}

export async function createPluginScene(): Promise<PluginScene> {
  const home = await temporaryDirectory();
  const [directory, copies] = [join(home.path, "plugins"), join(home.path, "copies")];
  await mkdir(directory, { mode: 0o755 });
  const registered: Record<string, { sha256: string }> = {};
  const opened: SecretProvider[] = [];
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
        ...{ provider: "team", type, directory, copies, clock, scrub: scrubbed },
        ...{ config: json({}), environment: { PATH: "/usr/bin:/bin" } },
        ...{ timeoutMs: 10_000, maxBytes: 64 * 1024 * 1024 },
        ...more,
      });
      opened.push(provider);
      return provider;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((provider) => provider.close()));
      await home[Symbol.asyncDispose]();
    },
  };
}

export function scrubbed(text: string, values: Iterable<Secret>): string {
  return createScrubber(values).scrub(text);
}

export const json = (value: unknown): Secret => new Secret(Buffer.from(JSON.stringify(value)));

export const clock = {
  elapsed: () => performance.now(),
  sleep: async (ms: number, signal: AbortSignal): Promise<void> => {
    await sleep(ms, undefined, { signal });
  },
};

export const example = (): Promise<Buffer> =>
  readFile(new URL("../../examples/plugin/dso-provider-folder", import.meta.url));
