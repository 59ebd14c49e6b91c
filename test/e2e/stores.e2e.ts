/** A rotation by the agent through each store that is no Vault: what changes there rolls out, and no request fails. */
import { cp, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "vitest";
import { putSecret } from "../servers/awsScene.ts";
import { startKeyVault, TENANT } from "../servers/keyVault.ts";
import { REGION, startMinistack } from "../servers/ministack.ts";
import { createHome, ROOT } from "./cli.ts";
import { appWith, expectAgentRolls } from "./storeLoop.ts";

test("AWS Secrets Manager", async () => {
  await using home = await createHome();
  await using aws = await startMinistack();
  const keys = "access_key_id: test, secret_access_key_env: AWS_KEY_OF_TEST";
  const providers = `aws: { region: ${REGION}, endpoint: "${aws.url}", auth: { method: static, ${keys} } }`;
  const environment = { AWS_KEY_OF_TEST: "test" };
  const put = (version: string): Promise<string> => putSecret(aws, "app/version", version);
  await put("v0");
  const project = await appWith(home, "aws:app/version", providers);
  await project.dso("up -d --wait", { environment });
  await expectAgentRolls(home, project, { providers, environment }, put);
});

test("Azure Key Vault", async () => {
  await using home = await createHome();
  await using vault = await startKeyVault();
  const reader = { clientId: "reader", secret: "secret-of-the-reader" };
  vault.entra.apps.push({ ...reader, permissions: ["get", "list"] });
  const login = `method: client_secret, tenant_id: ${TENANT}, client_id: reader, client_secret_env: AZURE_OF_TEST`;
  const own = `authority_host: "${vault.url}", emulator: true, tls: { ca_cert: ${vault.caFile} }`;
  const providers = `azure: { vault_url: "${vault.url}", ${own}, auth: { ${login} } }`;
  const environment = { AZURE_OF_TEST: reader.secret };
  const put = (version: string): Promise<unknown> =>
    Promise.resolve(vault.store.put("app-version", { value: version }));
  await put("v0");
  const project = await appWith(home, "azure:app-version", providers);
  await project.dso("up -d --wait", { environment });
  await expectAgentRolls(home, project, { providers, environment }, put);
});

test("a plugin", async () => {
  await using home = await createHome();
  const [plugins, secrets] = [join(home.path, "plugins"), join(home.path, "given/app/version")];
  await mkdir(plugins, { mode: 0o755 });
  await mkdir(secrets, { recursive: true });
  const program = join(plugins, "dso-provider-folder");
  await cp(join(ROOT, "examples/plugin/dso-provider-folder"), program);
  const sha256 = createHash("sha256")
    .update(await readFile(program))
    .digest("hex");
  await writeFile(
    join(plugins, "manifest.json"),
    JSON.stringify({ plugins: { folder: { sha256 } } }),
  );
  const providers = `team: { type: folder, config: { path: ${join(home.path, "given")} } }`;
  const environment = { DSO_PLUGINS_DIR: plugins };
  const put = async (version: string): Promise<void> => {
    // Whoever looks meanwhile sees all of it, or nothing.
    const made = join(home.path, "made");
    await writeFile(made, version);
    await rename(made, join(secrets, String(Number(version.slice(1)) + 1)));
  };
  await put("v0");
  const project = await appWith(home, "team:app/version", providers);
  await project.dso("up -d --wait", { environment });
  await expectAgentRolls(home, project, { providers, environment }, put);
});

test("files that are encrypted for age beside the compose file", async () => {
  await using home = await createHome();
  const [key, secrets] = [join(home.path, "age.key"), join(home.path, "encrypted/app")];
  await mkdir(secrets, { recursive: true });
  execFileSync("age-keygen", ["-o", key], { stdio: "ignore" });
  const recipient = execFileSync("age-keygen", ["-y", key], { encoding: "utf8" }).trim();
  const put = async (version: string): Promise<void> => {
    const made = join(home.path, "made.age");
    execFileSync("age", ["-r", recipient, "-o", made], { input: version });
    await rename(made, join(secrets, "version.age"));
  };
  const providers = `age: { path: ../encrypted, identity_file: ${key} }`;
  await put("v0");
  const project = await appWith(home, "age:app/version", providers);
  await project.dso("up -d --wait");
  await expectAgentRolls(home, project, { providers }, put);
});
