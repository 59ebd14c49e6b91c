import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { containerProxies } from "../../src/docker/proxies.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

async function proxies(text: string | undefined): Promise<Readonly<Record<string, string>>> {
  await using directory = await temporaryDirectory();
  const { path: configDir } = directory;
  if (text !== undefined) await writeFile(join(configDir, "config.json"), text);
  return await containerProxies({ configDir, endpoint: "unix:///e.sock" });
}

test("a container gets the proxies of its engine, else those of all, in both spellings", async () => {
  const all = { httpProxy: "http://p:1", noProxy: "a,b", allProxy: "", other: "x" };
  expect(await proxies(JSON.stringify({ proxies: { default: all } }))).toEqual({
    ...{ HTTP_PROXY: "http://p:1", http_proxy: "http://p:1", NO_PROXY: "a,b", no_proxy: "a,b" },
  });
  const own = { httpsProxy: "https://q", ftpProxy: 5 };
  const both = { proxies: { default: all, "unix:///e.sock": own } };
  expect(await proxies(JSON.stringify(both))).toEqual({
    ...{ HTTPS_PROXY: "https://q", https_proxy: "https://q" },
  });
  for (const none of [undefined, "{}", '{"proxies":[]}', '{"proxies":{"default":7}}']) {
    expect(await proxies(none)).toEqual({});
  }
});

test("what cannot be read is named, and not repeated", async () => {
  const error: unknown = await proxies('{"proxies": http://u:s3cret@p').catch(
    (one: unknown) => one,
  );
  expect(error).toMatchObject({ code: "config-invalid" });
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain("s3cret");
});
