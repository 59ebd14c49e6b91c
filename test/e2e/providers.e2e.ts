/** Secrets from other stores than the local vault, end to end: a change there rolls out, and no request fails. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bao, startBao } from "../servers/bao.ts";
import { startAgent } from "./agency.ts";
import { createHome, type Home } from "./cli.ts";
import { appWith, expectNoneFailed, VERSIONS } from "./storeLoop.ts";

const POLICY = `path "secret/data/app/*" { capabilities = ["read"] }
path "secret/metadata/app/*" { capabilities = ["read"] }`;
const METADATA = `path "secret/metadata/app/*" { capabilities = ["read"] }`;

let bao: Bao;

beforeAll(async () => {
  bao = await startBao();
  await bao.root("PUT", "sys/policies/acl/app", { policy: POLICY });
  await bao.root("PUT", "sys/policies/acl/metadata", { policy: METADATA });
});

afterAll(() => bao[Symbol.asyncDispose]());

const put = (version: string): Promise<unknown> =>
  bao.root("POST", "secret/data/app/version", { data: { value: version } });

async function tokenFile(home: Home, policy: string): Promise<string> {
  const body = { policies: [policy], no_parent: true, display_name: "dso" };
  const made = await bao.root("POST", "auth/token/create", body);
  const file = join(home.path, `token-of-${policy}`);
  const { client_token: token } = (made as { auth: { client_token: string } }).auth;
  await writeFile(file, token, { mode: 0o600 });
  return file;
}

const vaultAt = (file: string): string =>
  `vault: { addr: "${bao.addr}", tls: { ca_cert: ${bao.caFile} }, auth: { method: token, token_file: ${file} } }`;

test("Vault: the agent sees a new version and rolls it out", async () => {
  await using home = await createHome();
  await put("v0");
  const providers = vaultAt(await tokenFile(home, "app"));
  const project = await appWith(home, "vault:app/version", providers);
  await project.dso("up -d --wait");
  await using agent = await startAgent(home, project, { polling: "1s", providers });
  await expectNoneFailed(home, project, async (version) => {
    await put(version);
    await agent.said(/^Reconciled: /);
  });
  const asked = (await bao.asked()).length;
  const meanwhile = async (): Promise<readonly string[]> => (await bao.asked()).slice(asked);
  const polls = async (): Promise<number> =>
    (await meanwhile()).filter((line) => line === "read secret/metadata/app/version").length;
  while ((await polls()) < 3) await sleep(200);
  expect((await meanwhile()).filter((line) => line.includes("/data/"))).toEqual([]);
});

test("Vault does not answer: what runs stays, it is told, and what changed meanwhile rolls out afterwards", async () => {
  await using home = await createHome();
  await put("v0");
  const providers = vaultAt(await tokenFile(home, "app"));
  const project = await appWith(home, "vault:app/version", providers);
  await project.dso("up -d --wait");
  const before = await project.containers();
  await using agent = await startAgent(home, project, { polling: "1s", providers });
  await agent.said(/^Looked: nothing to do/);
  process.kill(bao.pid, "SIGSTOP");
  try {
    const told = await agent.said(/no answer within 15 s/);
    expect(told).toMatchObject({ level: "warn", code: "provider-unreachable" });
    expect(await project.containers()).toEqual(before);
    expect((await project.dso("status")).stdout).toMatch(
      /^vault +vault +away for .*, 1 secret as known before +no answer within 5 s/m,
    );
  } finally {
    process.kill(bao.pid, "SIGCONT");
  }
  await put("v1");
  await agent.said(/^Reconciled: /);
  expect(await project.containers()).not.toEqual(before);
});

test("Vault: a token that reads metadata alone is enough for a plan, and an apply says what it lacks", async () => {
  await using home = await createHome();
  await put("v0");
  const project = await appWith(
    home,
    "vault:app/version",
    vaultAt(await tokenFile(home, "metadata")),
  );
  expect((await project.dso("plan")).stdout).toContain("vault:app/version");
  const { stderr } = await project.dso("apply -auto-approve", { status: 1 });
  expect(stderr).toContain(`The token of provider "vault" may not read "app/version"`);
  expect(stderr).toContain(`path "secret/data/app/version" { capabilities = ["read"] }`);
  expect(await project.left()).toEqual([]);
});

test("files, told by their value: an apply rolls out what has changed, and nothing else", async () => {
  await using home = await createHome();
  const file = join(home.path, "given/app/version");
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, "v0");
  const providers = `files: { type: file, path: ../given, versions: by-value }`;
  const project = await appWith(home, "files:app/version", providers);
  await project.dso("up -d --wait");
  await expectNoneFailed(home, project, async (version) => {
    await writeFile(file, version);
    await project.dso("apply -auto-approve");
  });
  await writeFile(file, VERSIONS.at(-1)!);
  const { stdout } = await project.dso("plan -detailed-exitcode");
  expect(stdout).toContain("No changes");
  expect(stdout.replaceAll(/\s+/g, " ")).toContain("this plan has read what");
});

test("variables, told by their value: a CI job deploys with its own secrets", async () => {
  await using home = await createHome();
  const providers = `ci: { type: env, versions: by-value }`;
  const project = await appWith(home, "ci:VERSION", providers);
  const environment = (version: string): { readonly DSO_SECRET_VERSION: string } => ({
    DSO_SECRET_VERSION: version,
  });
  await project.dso("up -d --wait", { environment: environment("v0") });
  await expectNoneFailed(home, project, async (version) => {
    await project.dso("apply -auto-approve", { environment: environment(version) });
  });
  const { stderr } = await project.dso("plan", { status: 1 });
  expect(stderr).toContain("The variable DSO_SECRET_VERSION is not set");
});
