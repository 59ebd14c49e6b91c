import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findConfig, parseConfig, readConfig } from "../../src/config/load.ts";
import { faultsOf } from "../fakes/faults.ts";

const FILE = "/etc/dso/dso.yaml";

/** The whole sample of the documentation, all providers and all keys. */
const SAMPLE = `
providers:
  vault:
    addr: "https://vault.example.com:8200"
    auth: { method: token, token: s.xxxxx }
    mount_path: "secret/data"
    tls: { insecure: false, ca_cert: /etc/dso/ca.crt }
  aws: { region: us-east-1, auth: { method: iam } }
  azure:
    vault_url: https://my-vault.vault.azure.net
    auth: { method: managed_identity }
agent:
  watch: { polling_interval: 5m, debounce_window: 5s }
  health_check: { timeout: 30s, retries: 3, interval: 2s }
  cache: { ttl: 1h, max_cache_size: 100Mi, max_secret_size: 10Mi }
  rotation: { strategy: restart, timeout: 30s, rollback_on_failure: true }
defaults:
  rotation: { strategy: restart }
`;

const never = new AbortController().signal;

const DEFAULTS = {
  watch: { pollingIntervalMs: 300_000, debounceWindowMs: 5_000 },
  healthCheck: { timeoutMs: 30_000, retries: 3, intervalMs: 2_000 },
  cache: { ttlMs: 3_600_000, maxCacheBytes: 100 * 2 ** 20, maxSecretBytes: 10 * 2 ** 20 },
  http: { listen: "127.0.0.1:9090" },
  concurrency: 10,
};

describe("what is read", () => {
  test("no file at all means the defaults", async () => {
    const config = await readConfig(undefined, never);
    expect(config).toMatchObject({
      file: undefined,
      agent: DEFAULTS,
      defaults: {
        provider: "local",
        env: "auto",
        rotation: { strategy: "restart", timeoutMs: 30_000, rollbackOnFailure: true },
      },
    });
    expect([...config.providers.keys()]).toEqual(["local"]);
    expect(config.providers.get("local")).toMatchObject({ type: "local" });
    expect(config.projects.size).toBe(0);
  });

  test.each(["", "# nothing\n", "agent:\nproviders:\n  local:\n"])("%j too", async (text) => {
    const { agent, providers } = await parseConfig(text, FILE);
    expect(agent).toEqual(DEFAULTS);
    expect([...providers.keys()]).toEqual(["local"]);
  });

  test("the sample is the defaults, with three providers", async () => {
    const config = await parseConfig(SAMPLE, FILE);
    expect(config.agent).toEqual(DEFAULTS);
    expect([...config.providers.keys()]).toEqual(["aws", "azure", "local", "vault"]);
    expect(config.providers.get("aws")).toEqual({
      name: "aws",
      type: "aws",
      byValue: false,
      remote: true,
      polling: { intervalMs: 300_000, overrides: [] },
      requestsPerSecond: 50,
      leased: false,
      settings: { region: "us-east-1", auth: { method: "iam" } },
    });
  });

  test("values other than the defaults, converted", async () => {
    const { agent, defaults } = await parseConfig(
      `
agent:
  watch: { polling_interval: 1m30s, debounce_window: 0s }
  health_check: { timeout: 1.5m, retries: 7, interval: 250ms }
  cache: { ttl: 1d, max_cache_size: 1G, max_secret_size: 4096 }
  http: { listen: "[::1]:9191" }
  concurrency: 3
  rotation: { strategy: none, timeout: 2m, rollback_on_failure: false }
defaults:
  env: exposed
  rotation: { timeout: 90s }
`,
      FILE,
    );
    expect(agent).toEqual({
      watch: { pollingIntervalMs: 90_000, debounceWindowMs: 0 },
      healthCheck: { timeoutMs: 90_000, retries: 7, intervalMs: 250 },
      cache: { ttlMs: 86_400_000, maxCacheBytes: 1e9, maxSecretBytes: 4096 },
      http: { listen: "[::1]:9191" },
      concurrency: 3,
    });
    expect(defaults).toEqual({
      provider: "local",
      env: "exposed",
      rotation: { strategy: "none", timeoutMs: 90_000, rollbackOnFailure: false },
    });
  });

  test("providers of every kind and every way to log in", async () => {
    const { providers, defaults } = await parseConfig(
      `
providers:
  prod: { type: vault, addr: "https://v:8200", namespace: team, auth: { method: token, token_env: VAULT_TOKEN } }
  approle: { type: vault, addr: "https://v:8200", auth: { method: approle, role_id: r, secret_id_env: S, mount: m } }
  pods: { type: vault, addr: "https://v:8200", auth: { method: kubernetes, role: r, jwt_file: /jwt } }
  jwt: { type: vault, addr: "https://v:8200", auth: { method: jwt, role: r, jwt_env: J }, versions: by-value }
  sso: { type: aws, region: eu-west-1, auth: { method: sso, profile: p } }
  static: { type: aws, region: eu-west-1, auth: { method: static, access_key_id: A, secret_access_key_env: K } }
  role: { type: aws, region: eu-west-1, auth: { role_arn: "arn:aws:iam::123456789012:role/dso", external_id: x, session_name: shop } }
  chain: { type: aws, region: eu-west-1, push: { queue_url: "https://sqs.eu-west-1.amazonaws.com/1/dso" } }
  entra: { type: azure, vault_url: "https://x.vault.azure.net", auth: { method: client_secret, tenant_id: t, client_id: c, client_secret_env: S } }
  machine: { type: azure, vault_url: "https://x.vault.azure.net/", auth: { method: managed_identity, client_id: c } }
  gov: { type: azure, vault_url: "https://x.vault.usgovcloudapi.net", authority_host: "https://login.microsoftonline.us", tls: { ca_cert: ca.pem }, auth: { method: default } }
  inside: { type: internal, config: { address: here }, environment: [INTERNAL_TOKEN] }
  vault: { type: local }
defaults: { provider: prod }
`,
      FILE,
    );
    expect(defaults.provider).toBe("prod");
    expect([...providers].map(([name, { type, byValue }]) => `${name} ${type} ${byValue}`)).toEqual(
      [
        "approle vault false",
        "chain aws false",
        "entra azure false",
        "gov azure false",
        "inside internal false",
        "jwt vault true",
        "local local false",
        "machine azure false",
        "pods vault false",
        "prod vault false",
        "role aws false",
        "sso aws false",
        "static aws false",
        "vault local false",
      ],
    );
  });

  test("projects, their files beside dso.yaml and those of git as they are", async () => {
    const { projects } = await parseConfig(
      `
projects:
  shop:
    files: [compose.yaml, ../prod/compose.yaml]
    secrets: { allow: ["vault:shop/*"] }
    policy:
      apply: secrets
      prune: false
      deny: [privileged, docker-socket]
      windows: [{ days: [sat, sun], from: "22:00", to: "04:00" }]
      notify: [{ webhook_env: HOOK, on: [failed] }]
  blog:
    source: { git: { url: "git@example.com:blog.git", interval: 2m, verify: ssh-keys } }
`,
      FILE,
    );
    expect([...projects.values()]).toEqual([
      {
        name: "blog",
        files: ["compose.yaml"],
        source: {
          url: "git@example.com:blog.git",
          ref: "main",
          path: ".",
          intervalMs: 120_000,
          verify: "ssh-keys",
        },
        allowSecrets: undefined,
        policy: { apply: "all", prune: true, deny: undefined },
      },
      {
        name: "shop",
        files: ["/etc/dso/compose.yaml", "/etc/prod/compose.yaml"],
        source: undefined,
        allowSecrets: ["vault:shop/*"],
        policy: { apply: "secrets", prune: false, deny: ["privileged", "docker-socket"] },
      },
    ]);
  });

  test("a credential is nowhere to be seen", async () => {
    const config = await parseConfig(SAMPLE, FILE);
    expect(inspect(config, { depth: 20, showHidden: true })).not.toContain("s.xxxxx");
    expect(JSON.stringify([...config.providers])).not.toContain("s.xxxxx");
  });

  test("where something was written, and that something was not", async () => {
    const { at } = await parseConfig(SAMPLE, FILE);
    expect(at(["agent", "cache", "ttl"])).toEqual({ file: FILE, line: 15, column: 12 });
    expect(at(["agent", "http"])).toBeUndefined();
  });
});

describe("which file", () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), "dso-config-"));
  });
  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  test("-c, then $DSO_CONFIG, then here, then the home directory", async () => {
    const cwd = path.join(home, "here");
    mkdirSync(path.join(home, ".dso"));
    mkdirSync(cwd);
    writeFileSync(path.join(home, ".dso", "dso.yaml"), "");
    const env = { DSO_CONFIG: "by-env.yaml" };
    expect(findConfig({ explicit: "x.yaml", env, cwd, home })).toBe(`${cwd}/x.yaml`);
    expect(findConfig({ env, cwd, home })).toBe(`${cwd}/by-env.yaml`);
    expect(findConfig({ env: { DSO_CONFIG: "" }, cwd, home })).toBe(`${home}/.dso/dso.yaml`);
    writeFileSync(path.join(cwd, "dso.yaml"), "");
    expect(findConfig({ env: {}, cwd, home })).toBe(`${cwd}/dso.yaml`);
  });

  test("a file that cannot be read as one is refused in words", async () => {
    const file = path.join(home, "dso.yaml");
    const refusal = async (name: string) => (await faultsOf(() => readConfig(name, never)))[0];
    expect((await refusal("/dev/zero"))?.message).toBe("/dev/zero has more than 16 MiB");
    expect((await refusal(home))?.message).toBe(`${home} is a directory`);
    writeFileSync(file, Buffer.from("defaults:\n  # f\xfcr\n", "latin1"));
    expect(await refusal(file)).toMatchObject({
      code: "config-invalid",
      message: "line 2 is not valid UTF-8",
      position: { file, line: 2 },
    });
  });

  test("a file that was named has to be there", async () => {
    const [fault] = await faultsOf(() => readConfig(path.join(home, "dso.yaml"), never));
    expect(fault).toMatchObject({
      code: "config-invalid",
      message: `${home}/dso.yaml does not exist`,
      hint: "Name an existing file with -c or $DSO_CONFIG, or leave both out.",
    });
  });
});
