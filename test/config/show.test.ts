import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CREDENTIAL_KEYS } from "../../src/config/credentials.ts";
import { parseConfig } from "../../src/config/load.ts";
import { notInRelease } from "../../src/config/notInRelease.ts";
import { showConfig } from "../../src/config/show.ts";
import { tell } from "../fakes/faults.ts";

test("shows what holds, without any credential", async () => {
  const config = await parseConfig(
    `
providers:
  vault: { addr: "https://v", auth: { method: approle, role_id: r, secret_id: topsecret } }
  inside: { type: internal, config: { deep: { password: topsecret, port: 12345 } } }
projects:
  shop: { policy: { notify: [{ webhook: "https://hooks/topsecret" }] } }
agent: { watch: { polling_interval: 90s } }
`,
    "/etc/dso/dso.yaml",
  );
  const text = await showConfig(config);
  expect(text).not.toContain("topsecret");
  expect(text).not.toContain("12345");
  expect(text).toContain("# /etc/dso/dso.yaml\n");
  expect(text).toContain("polling_interval: 90s");
  expect(text).toContain("debounce_window: 5s");
  expect(text).toContain('secret_id: "[redacted]"');
  expect(text).toContain('password: "[redacted]"');
  expect(text).toContain('webhook: "[redacted]"');
  // What is shown is a configuration itself.
  await expect(parseConfig(text.replaceAll("90s", "91s"), "/x")).resolves.toMatchObject({
    agent: { watch: { pollingIntervalMs: 91_000 } },
  });
});

test("redacts exactly the keys that the schema marks", () => {
  const schema: unknown = JSON.parse(
    readFileSync(new URL("../../schemas/dso.schema.json", import.meta.url), "utf8"),
  );
  expect([...credentialKeys(schema)].sort()).toEqual([...CREDENTIAL_KEYS].sort());
});

function credentialKeys(part: unknown, key = ""): Set<string> {
  if (typeof part !== "object" || part === null) return new Set();
  if ("$ref" in part && part.$ref === "#/$defs/credential") return new Set([key]);
  return new Set(Object.entries(part).flatMap(([name, below]) => [...credentialKeys(below, name)]));
}

test("tells what was written but has no machinery, and nothing else", async () => {
  const config = await parseConfig(
    `
providers:
  azure: { vault_url: "https://v.vault.azure.net" }
  inside: { type: internal }
  local: { versions: by-value }
agent:
  watch: { polling_interval: 5m }
  health_check: { timeout: 10s }
  cache: { ttl: 1h, max_secret_size: 1Mi }
  rotation: { strategy: signal, timeout: 10s, rollback_on_failure: false }
  concurrency: 2
defaults: { env: sealed, provider: local }
projects:
  shop: { files: [compose.yaml], policy: { prune: false } }
  blog: { files: [compose.yaml], source: { git: { url: "https://g/b.git" } } }
`,
    "/etc/dso/dso.yaml",
  );
  const later = "Remove it, or leave it for a later release: it changes nothing now.";
  expect(notInRelease(config).map(tell)).toEqual([
    `not-in-release 15:34 projects.blog.source is not in this release | ${later}`,
  ]);
});

test("a file without any of that has no findings", async () => {
  const text =
    "providers: { local: }\nagent: { rotation: { strategy: none } }\ndefaults: { env: auto }";
  expect(notInRelease(await parseConfig(text, "/x"))).toEqual([]);
  expect(notInRelease(await parseConfig("", undefined))).toEqual([]);
});
