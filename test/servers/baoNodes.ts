/** Servers of OpenBao that keep what they have: they can be killed and started again, alone or as a cluster. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Secret } from "../../src/model/secret.ts";
import { createHttp } from "../../src/providers/http.ts";
import { openVaultProvider } from "../../src/providers/vault/open.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { unhurried } from "../fakes/time.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { never } from "../reconciler/world.ts";
import { freePorts, type ServerProcess, startServer } from "./process.ts";

/** A key pair for 127.0.0.1 that is its own authority; it protects nothing. */
const TLS = join(import.meta.dirname, "../fixtures/tls");
const file = (name: string): string => join(TLS, `${name}.pem`);

export interface BaoNode {
  readonly addr: string;
  readonly start: () => Promise<void>;
  /** At once, as a machine that fails. */
  readonly kill: () => Promise<void>;
}

export interface BaoNodes extends AsyncDisposable {
  readonly nodes: readonly BaoNode[];
  /** Of that node, as the user that it was made with; with a client's certificate unless told not to. */
  readonly open: (node: BaoNode, withCertificate?: boolean) => SecretProvider;
  /** A new version of the secret, through that node; answers the status. */
  readonly put: (node: BaoNode, path: string, value: string) => Promise<number>;
}

const USER = "dso";
const PASSWORD = "of-no-worth";
const POLICY = `path "*" { capabilities = ["create", "read", "update", "list", "sudo"] }`;

/** All of them started, the first as the leader. */
export async function startNodes(count: number): Promise<BaoNodes> {
  const directory = await temporaryDirectory();
  await writeFile(join(directory.path, "seal.key"), randomBytes(32));
  const ports: number[] = [];
  for (let index = 0; index < count; index++) ports.push(await freePorts());
  const running = new Map<number, ServerProcess>();
  const nodes = ports.map((port, index) =>
    nodeOf(directory.path, port, index === 0 ? undefined : ports[0], running),
  );
  for (const node of nodes) await node.start();
  while (!(await areVoters(nodes))) await sleep(200);
  return {
    nodes,
    open: (node, withCertificate = true) => openProvider(directory.path, node, withCertificate),
    put: (node, path, value) => put(node, path, value),
    async [Symbol.asyncDispose]() {
      for (const server of running.values()) await server[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function nodeOf(
  directory: string,
  port: number,
  leader: number | undefined,
  running: Map<number, ServerProcess>,
): BaoNode {
  const addr = `https://127.0.0.1:${port}`;
  const home = join(directory, `node-${port}`);
  return {
    addr,
    async start() {
      await mkdir(join(home, "data"), { recursive: true });
      const config = join(home, "config.hcl");
      await writeFile(config, configOf(directory, home, port, leader));
      const program = process.env["DSO_OPENBAO"];
      if (program === undefined)
        throw new Error("DSO_OPENBAO is not set: script/openbao prints it");
      const isReady = async (): Promise<boolean> => (await health(addr)) !== undefined;
      const args = ["server", `-config=${config}`];
      running.set(port, await startServer({ program, args, environment: { HOME: home }, isReady }));
    },
    async kill() {
      const server = running.get(port);
      if (server === undefined) return;
      process.kill(server.pid, "SIGKILL");
      await server[Symbol.asyncDispose]();
      running.delete(port);
    },
  };
}

function configOf(directory: string, home: string, port: number, leader?: number): string {
  const join = `retry_join {
    leader_api_addr = "https://127.0.0.1:${leader ?? 0}"
    leader_ca_cert_file = "${file("ca")}"
    leader_client_cert_file = "${file("cert")}"
    leader_client_key_file = "${file("key")}"
  }`;
  return `storage "raft" {
  path = "${home}/data"
  node_id = "node-${port}"
  ${leader === undefined ? "" : join}
}
listener "tcp" {
  address = "127.0.0.1:${port}"
  tls_cert_file = "${file("cert")}"
  tls_key_file = "${file("key")}"
  tls_client_ca_file = "${file("ca")}"
  tls_require_and_verify_client_cert = true
}
api_addr = "https://127.0.0.1:${port}"
cluster_addr = "https://127.0.0.1:${port + 1}"
seal "static" {
  current_key_id = "1"
  current_key = "file://${directory}/seal.key"
}
${leader === undefined ? INITIALIZE : ""}`;
}

const request = (name: string, path: string, data: object): string =>
  `  request "${name}" {\n    operation = "update"\n    path = "${path}"\n    data = ${hcl(data)}\n  }`;

function hcl(value: object): string {
  const parts = Object.entries(value).map(([key, one]) => {
    const text =
      typeof one === "object" && !Array.isArray(one) ? hcl(one as object) : JSON.stringify(one);
    return `${key} = ${text}`;
  });
  return `{ ${parts.join(", ")} }`;
}

const INITIALIZE = `initialize "test" {
${request("auth", "sys/auth/userpass", { type: "userpass" })}
${request("policy", "sys/policies/acl/all", { policy: POLICY })}
${request("user", `auth/userpass/users/${USER}`, { password: PASSWORD, token_policies: ["all"] })}
${request("kv", "sys/mounts/secret", { type: "kv", options: { version: "2" } })}
}
`;

async function ask(method: string, url: string, body?: object, token?: string): Promise<Asked> {
  const [ca, cert, key] = await Promise.all(
    ["ca", "cert", "key"].map((name) => readFile(file(name))),
  );
  const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  const http = createHttp({ provider: "test", tls, timeoutMs: 5000, maxBytes: 1e6 });
  try {
    const headers = token === undefined ? {} : { "X-Vault-Token": token };
    const sent = {
      method,
      url: new URL(url),
      headers,
      ...(body && { body: JSON.stringify(body) }),
    };
    const { status, body: answer } = await http.request(sent, never);
    return { status, text: answer.toString() };
  } finally {
    http.close();
  }
}

interface Asked {
  readonly status: number;
  readonly text: string;
}

/** Undefined while it is not initialized, or sealed. */
async function health(addr: string): Promise<number | undefined> {
  const { status } = await ask("GET", `${addr}/v1/sys/health`);
  return status === 200 || status === 429 ? status : undefined;
}

/** Who has joined is watched for some seconds before it has a say. */
async function areVoters(nodes: readonly BaoNode[]): Promise<boolean> {
  const [first] = nodes;
  if (first === undefined) throw new Error("there are no nodes");
  const token = await login(first);
  const asked = await ask(
    "GET",
    `${first.addr}/v1/sys/storage/raft/configuration`,
    undefined,
    token,
  );
  const { data } = JSON.parse(asked.text) as Partial<RaftConfiguration>;
  return data?.config.servers.filter(({ voter }) => voter).length === nodes.length;
}

interface RaftConfiguration {
  readonly data: { readonly config: { readonly servers: readonly { readonly voter: boolean }[] } };
}

async function put(node: BaoNode, path: string, value: string): Promise<number> {
  const token = await login(node);
  if (token === undefined) return 503;
  const data = { data: { value } };
  return (await ask("POST", `${node.addr}/v1/secret/data/${path}`, data, token)).status;
}

async function login({ addr }: BaoNode): Promise<string | undefined> {
  const url = `${addr}/v1/auth/userpass/login/${USER}`;
  const { status, text } = await ask("POST", url, { password: PASSWORD });
  if (status !== 200) return undefined;
  const { auth } = JSON.parse(text) as { readonly auth: { readonly client_token: string } };
  return auth.client_token;
}

function openProvider(
  directory: string,
  { addr }: BaoNode,
  withCertificate: boolean,
): SecretProvider {
  const own = { client_cert: file("cert"), client_key: file("key") };
  const tls = { ca_cert: file("ca"), ...(withCertificate ? own : {}) };
  const password = new Secret(Buffer.from(PASSWORD));
  const auth = { method: "userpass", username: USER, password };
  return openVaultProvider({
    ...{ name: "vault", directory, environment: {}, settings: { addr, tls, auth } },
    ...unhurried,
  });
}
