/** What it costs to look whether any of a thousand secrets has changed: real servers, Key Vault's stand-in, no change. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { SecretProvider } from "../src/model/ports.ts";
import { openAwsProvider } from "../src/providers/aws/open.ts";
import { openAzureProvider } from "../src/providers/azure/open.ts";
import { openVaultProvider } from "../src/providers/vault/open.ts";
import type { Opening } from "../src/providers/opening.ts";
import type { Settings } from "../src/model/settings.ts";
import { ROOT } from "../test/e2e/cli.ts";
import { unhurried } from "../test/fakes/time.ts";
import { ROOT_AUTH } from "../test/servers/awsScene.ts";
import { clientSecret, SECRET } from "../test/servers/azureScene.ts";
import { type Bao, startBao } from "../test/servers/bao.ts";
import { startKeyVault } from "../test/servers/keyVault.ts";
import { REGION, startMinistack } from "../test/servers/ministack.ts";
import { credential } from "../test/servers/vaultScene.ts";
import type { Row } from "./table.ts";

const NAMES = Array.from({ length: 1000 }, (_, index) => `secret-${index}`);
/** As the agent does, unless told. */
const EVERY_S = 300;
const BUDGET_PERCENT = 1;
const ROUNDS = 5;
const never = new AbortController().signal;

type Open = (opening: Opening) => SecretProvider;

/** Of each store: requests at first sight and of a later poll, and what that takes of a core. */
export async function measurePolls(): Promise<Row[]> {
  for (const program of ["openbao", "ministack"]) {
    const path = execFileSync(join(ROOT, "script", program), { encoding: "utf8" }).trim();
    process.env[`DSO_${program.toUpperCase()}`] = path;
  }
  return [...(await pollVault()), ...(await pollAws()), ...(await pollAzure())];
}

/** `list`: a folder is told in one request, which OpenBao can do, and who may. */
async function vaultSettings(bao: Bao, list: boolean): Promise<Settings> {
  const read = `path "secret/metadata/*" { capabilities = ["read"] }\n`;
  const grant = `path "secret/detailed-metadata/*" { capabilities = ["list"] }\n`;
  const name = list ? "lister" : "reader";
  await bao.root("PUT", `sys/policies/acl/${name}`, { policy: read + (list ? grant : "") });
  const body = { policies: [name], no_parent: true };
  const made = await bao.root("POST", "auth/token/create", body);
  const { client_token: text } = (made as { auth: { client_token: string } }).auth;
  const auth = { method: "token", token: credential(text) };
  return { addr: bao.addr, tls: { ca_cert: bao.caFile }, auth };
}

async function pollVault(): Promise<Row[]> {
  await using bao = await startBao();
  for (const name of NAMES) {
    await bao.root("POST", `secret/data/app/${name}`, { data: { value: name } });
  }
  const paths = NAMES.map((name) => `app/${name}`);
  const folders = await vaultSettings(bao, true);
  const single = await vaultSettings(bao, false);
  return [
    ...(await poll("OpenBao", openVaultProvider, folders, paths)),
    ...(await poll("Vault, secret by secret", openVaultProvider, single, paths)),
  ];
}

async function pollAws(): Promise<Row[]> {
  await using aws = await startMinistack();
  for (const name of NAMES) {
    await aws.root("secretsmanager.CreateSecret", { Name: name, SecretString: name });
  }
  const settings = { region: REGION, endpoint: aws.url, auth: ROOT_AUTH };
  return await poll("AWS", openAwsProvider, settings, NAMES);
}

async function pollAzure(): Promise<Row[]> {
  await using vault = await startKeyVault();
  const reader = { clientId: "reader", secret: SECRET, permissions: ["get", "list"] as const };
  vault.entra.apps.push(reader);
  for (const name of NAMES) vault.store.put(name, { value: name });
  const own = { vault_url: vault.url, authority_host: vault.url, emulator: true };
  const settings = { ...own, tls: { ca_cert: vault.caFile }, auth: clientSecret(SECRET) };
  return await poll(
    "Azure (its stand-in works in the same process)",
    openAzureProvider,
    settings,
    NAMES,
  );
}

async function poll(
  what: string,
  open: Open,
  settings: Settings,
  paths: readonly string[],
): Promise<Row[]> {
  let sent = 0;
  const pace = (): Promise<void> => {
    sent++;
    return Promise.resolve();
  };
  const surroundings = { name: "it", environment: {}, directory: "/", ...unhurried, pace };
  const provider = open({ ...surroundings, settings });
  const requests = paths.map((path) => ({ path }));
  const ask = async (): Promise<number> => {
    const before = sent;
    const answers = await provider.versions(requests, never);
    const told = [...answers.values()].filter((answer) => typeof answer === "string");
    if (told.length !== paths.length) throw new Error(`${what} told ${told.length} versions`);
    return sent - before;
  };
  const first = await ask();
  await ask();
  const before = process.cpuUsage();
  let later = 0;
  for (let round = 0; round < ROUNDS; round++) later = await ask();
  const { user, system } = process.cpuUsage(before);
  await provider.close();
  const percent = (user + system) / ROUNDS / 1000 / (EVERY_S * 10);
  return [
    { figure: `${what}: requests at first sight, later`, value: `${first}, ${later}` },
    {
      figure: `${what}: of one core, every ${EVERY_S} s`,
      value: `${percent.toFixed(3)} %`,
      budget: `${BUDGET_PERCENT} %`,
      ok: percent < BUDGET_PERCENT,
    },
  ];
}
