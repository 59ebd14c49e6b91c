/** OpenBao over TLS, with its audit log: what was really asked of it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { never } from "../reconciler/world.ts";
import { createHttp } from "../../src/providers/http.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { freePorts, startServer } from "./process.ts";

export interface Bao extends AsyncDisposable {
  readonly addr: string;
  /** Path of the certificate that is to be trusted. */
  readonly caFile: string;
  readonly directory: string;
  /** As root; rejects for any status that is not meant well. */
  readonly root: (method: string, path: string, body?: object) => Promise<unknown>;
  /** `operation path` of each request so far, without our own. */
  readonly asked: () => Promise<readonly string[]>;
  readonly pid: number;
}

const ROOT = "root-of-the-test";

export async function startBao(): Promise<Bao> {
  const program = process.env["DSO_OPENBAO"];
  if (program === undefined) throw new Error("DSO_OPENBAO is not set: script/openbao prints it");
  const directory = await temporaryDirectory();
  const audit = join(directory.path, "audit.log");
  const config = join(directory.path, "audit.hcl");
  await writeFile(config, `audit "file" "a" { options { file_path = "${audit}" } }\n`);
  const port = await freePorts();
  const caFile = join(directory.path, "vault-ca.pem");
  const addr = `https://127.0.0.1:${port}`;
  const root = async (method: string, path: string, body?: object): Promise<unknown> => {
    const tls = { ca: await readFile(caFile) };
    const http = createHttp({ provider: "test", tls, timeoutMs: 10_000, maxBytes: 1e8 });
    const headers = { "X-Vault-Token": ROOT };
    const url = new URL(`${addr}/v1/${path}`);
    const answer = await http.request(
      { method, url, headers, ...(body && { body: JSON.stringify(body) }) },
      never,
    );
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.body.toString()}`);
    return answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString());
  };
  const args = ["server", "-dev", "-dev-no-store-token", "-dev-tls", `-config=${config}`];
  args.push(`-dev-root-token-id=${ROOT}`, `-dev-listen-address=127.0.0.1:${port}`);
  args.push(`-dev-tls-cert-dir=${directory.path}`);
  const server = await startServer({
    ...{ program, args, environment: { HOME: directory.path } },
    isReady: async () => (await root("GET", "sys/health")) !== undefined,
  });
  return {
    ...{ addr, caFile, directory: directory.path, root, pid: server.pid },
    asked: () => askedIn(audit),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function askedIn(file: string): Promise<readonly string[]> {
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  const entries = lines.map((line) => JSON.parse(line) as Entry);
  return entries
    .filter(({ type, auth }) => type === "request" && auth?.display_name !== "root")
    .map(({ request }) => `${request.operation} ${request.path}`);
}

interface Entry {
  readonly type: string;
  readonly auth?: { readonly display_name?: string };
  readonly request: { readonly operation: string; readonly path: string };
}
