import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { faultsOf, tell } from "../fakes/faults.ts";

const FILE = "/etc/dso/dso.yaml";

describe("what is refused", () => {
  const refusals = async (text: string) =>
    (await faultsOf(() => parseConfig(text, FILE))).map(tell);
  const DURATION = "a duration above zero, for example 30s, 5m or 1h30m";

  test.each([
    ["agnet: {}", '1:1 unknown key "agnet" at the top level | Did you mean "agent"?'],
    ["agent:\n  cache:\n    tll: 5m", '3:5 unknown key "tll" in agent.cache | Did you mean "ttl"?'],
    [
      "agent:\n  http: { colour: red }",
      '2:11 unknown key "colour" in agent.http | Known keys: listen.',
    ],
    [
      "agent: { rotation: { timeout: 30 } }",
      `1:31 agent.rotation.timeout must be ${DURATION}, but is 30 | Write the unit, for example 30s.`,
    ],
    [
      "agent: { rotation: { timeout: soon } }",
      `1:31 agent.rotation.timeout must be ${DURATION}, but is "soon" | Correct the value.`,
    ],
    [
      "agent: { health_check: { interval: 0s } }",
      `1:36 agent.health_check.interval must be ${DURATION}, but is "0s" | Correct the value.`,
    ],
    [
      "agent: { cache: { max_secret_size: 10MiX } }",
      '1:36 agent.cache.max_secret_size must be a size, for example 512Ki, 100Mi or 1Gi, but is "10MiX" | Correct the value.',
    ],
    [
      "agent: { health_check: { retries: 1.5 } }",
      "1:35 agent.health_check.retries must be a whole number from 1, but is 1.5 | Correct the value.",
    ],
    [
      "agent: { rotation: { rollback_on_failure: 'no' } }",
      "1:43 agent.rotation.rollback_on_failure must be true or false | Correct the value.",
    ],
    ["- agent", "1:1 the file must be a mapping | Correct the value."],
    ["providers: { mine: here }", "1:20 providers.mine must be a mapping | Correct the value."],
    ["agent: []", "1:8 agent must be a mapping | Correct the value."],
    [
      "defaults: { env: seald }",
      '1:18 defaults.env must be one of auto, sealed, exposed, but is "seald" | Did you mean "sealed"?',
    ],
    [
      "defaults: { provider: valt }\nproviders: { vault: { addr: 'http://v' } }",
      '1:23 defaults.provider is "valt", but no provider has that name | Did you mean "vault"?',
    ],
    ["providers: { vault: {} }", '1:21 providers.vault lacks "addr" | Add addr: to it.'],
    [
      "providers: { valut: { addr: 'http://v' } }",
      '1:14 providers.valut does not say of which type it is | Did you mean "vault"? Else add type: to it.',
    ],
    [
      "providers: { internal: { config: {} } }",
      "1:14 providers.internal does not say of which type it is | Add type: to it: local, env, file, age, vault, aws, azure, or the name of a plugin.",
    ],
    [
      "providers: { 'a b': { type: vault, addr: 'http://v' } }",
      '1:14 providers has the entry "a b", whose name must be a name of letters, digits, ".", "-" and "_" | Choose another name.',
    ],
    [
      "providers: { vault: { addr: 'http://v', auth: { role: abc } } }",
      '1:49 unknown key "role" in providers.vault.auth | Known keys: method, token, token_env, token_file.',
    ],
    [
      "providers: { vault: { addr: 'http://v', auth: { method: token, role: abc } } }",
      '1:64 unknown key "role" in providers.vault.auth | Known keys: method, token, token_env, token_file.',
    ],
    [
      "providers: { age: { identity_env: A } }",
      '1:19 providers.age lacks "path" | Add path: to it.',
    ],
    [
      "providers: { age: { path: secrets, identity_env: A, identity_file: b } }",
      '1:68 providers.age.identity_file must be left out where identity or identity_env is given, but is "b" | Correct the value.',
    ],
    [
      "providers: { azure: { vault_url: 'http://x.vault.azure.net' } }",
      '1:34 providers.azure.vault_url must be an https address, for example https://my-vault.vault.azure.net, but is "http://x.vault.azure.net" | Correct the value.',
    ],
    [
      "providers: { azure: { vault_url: 'https://v', auth: { tenant_id: t } } }",
      '1:55 unknown key "tenant_id" in providers.azure.auth | Known keys: method.',
    ],
    [
      "providers: { aws: { region: eu-west-1, auth: { method: static, access_key_id_env: A } } }",
      '1:46 providers.aws.auth lacks "secret_access_key" | Add secret_access_key: to it.',
    ],
    [
      "providers: { aws: { region: r, auth: { method: static, access_key_id: A, secret_access_key_env: K, secret_access_key_file: f } } }",
      '1:124 providers.aws.auth.secret_access_key_file must be left out where the same is given in another way, but is "f" | Correct the value.',
    ],
    [
      "providers: { azure: { vault_url: 'https://v', auth: { method: client_secret, tenant_id: t, client_id: c } } }",
      '1:53 providers.azure.auth lacks "client_secret" | Add client_secret: to it.',
    ],
    [
      "providers: { azure: { vault_url: 'https://v', auth: { method: client_secret, tenant_id: t, client_id: c, client_secret: s, client_secret_file: f } } }",
      '1:144 providers.azure.auth.client_secret_file must be left out where the same is given in another way, but is "f" | Correct the value.',
    ],
    [
      "providers: { aws: { region: eu-west-1, auth: { external_id: x } } }",
      '1:46 providers.aws.auth lacks "role_arn" | Add role_arn: to it.',
    ],
    [
      "providers: { aws: { region: eu-west-1, push: {} } }",
      '1:46 providers.aws.push lacks "queue_url" | Add queue_url: to it.',
    ],
    [
      "providers: { db: { type: vault, addr: 'http://v', engine: databse } }",
      '1:59 providers.db.engine must be one of kv, database, pki, but is "databse" | Did you mean "database"?',
    ],
    [
      "providers: { db: { type: vault, addr: 'http://v', engine: database, versions: by-value } }",
      '1:79 providers.db.versions must be left out: what is issued is told by its lease, but is "by-value" | Correct the value.',
    ],
    [
      "providers: { db: { type: vault, addr: 'http://v', engine: database, roles: {} } }",
      "1:76 providers.db.roles must be left out, unless engine is pki | Correct the value.",
    ],
    [
      "providers: { db: { type: vault, addr: 'http://v', engine: pki } }",
      '1:18 providers.db lacks "roles" | Add roles: to it.',
    ],
    [
      "providers: { db: { type: vault, addr: 'http://v', engine: pki, roles: { web: { ttl: 5m } } } }",
      '1:78 providers.db.roles.web lacks "common_name" | Add common_name: to it.',
    ],
    [
      "projects: { shop: { source: { git: { url: 'https://me:pw@host/r' } } } }",
      "1:43 projects.shop.source.git.url must be an address without a password in it | Correct the value.",
    ],
    [
      "projects: { shop: { files: [] } }",
      "1:28 projects.shop.files is empty | Give it at least one entry.",
    ],
  ])("%s", async (text, told) => {
    expect(await refusals(text)).toEqual([`config-invalid ${told}`]);
  });

  test("a credential in a wrong place or shape is not repeated", async () => {
    const texts = [
      "providers: { vault: { addr: 'http://v', auth: hvs.topsecret } }",
      "providers: { vault: { addr: 'http://v', auth: { method: token, token: [hvs.topsecret] } } }",
      "providers: { age: { path: p, identity: [topsecret] } }",
      `providers: { age: { path: p, identity_file: AGE-SECRET-KEY-1${"topsecret".repeat(6)} } }`,
      "projects: { shop: { source: { git: { url: 'https://me:hvs.topsecret@host/r' } } } }",
    ];
    for (const text of texts) {
      const faults = await faultsOf(() => parseConfig(text, FILE));
      expect(faults.map((fault) => inspect(fault, { depth: 9 })).join()).not.toContain("topsecret");
    }
  });

  test("everything at once, in the order of the file", async () => {
    const told = await refusals("defaults: { env: x }\nagent: { wach: {}, http: 1 }\nprojects: 3");
    expect(told.map((line) => line.split(" ")[1])).toEqual(["1:18", "2:10", "2:26", "3:11"]);
  });

  test.each([
    ["agent: {", "1:9"],
    ["agent: {}\nagent: {}", "2:1"],
    ["agent: {}\n---\nagent: {}", "2:1"],
    ["agent: !magic {}", "1:8"],
    ["agent: *nowhere", "1:8"],
    [`agent: ${"[".repeat(50_000)}`, "1:207"],
  ])("what is no YAML, or not one document: %j", async (text, place) => {
    const [told, ...more] = await refusals(text);
    expect(told).toContain(`config-invalid ${place} not valid YAML: `);
    expect(more).toEqual([]);
  });

  test("what is nested without an end", async () => {
    const [told] = await refusals(`agent: ${"[".repeat(50_000)}`);
    expect(told).toContain("config-invalid 1:207 not valid YAML: values are nested more than 200");
  });
});
