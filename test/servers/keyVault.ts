/** A Key Vault of our own, with the logins that lead to it: https, paged, with versions, rights and a log of what was asked. */
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, createServer as createListener, type Socket } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { createEntra, type Entra } from "./entra.ts";
import {
  fault,
  permissionFor,
  readsValue,
  route,
  secretIn,
  type VaultAnswer,
  type VaultRequest,
} from "./keyVaultRoutes.ts";
import { createStore, type KeyVaultStore } from "./keyVaultStore.ts";

export type Trouble = (request: IncomingMessage, response: ServerResponse) => void;

export interface FakeKeyVault extends AsyncDisposable {
  readonly url: string;
  /** Of the machine's identity, in plain http. */
  readonly machineUrl: string;
  readonly caFile: string;
  readonly store: KeyVaultStore;
  readonly entra: Entra;
  /** `GET /secrets/a` of each request with a token so far, without its query. */
  readonly asked: string[];
  /** How many of them were for a value. */
  readonly valuesAsked: () => number;
  /** Answers instead; for the vault, for the login, or for whatever it says itself. */
  trouble: { readonly at: "vault" | "login"; readonly answer: Trouble } | undefined;
  /** Which service a token has to be for, as the vault says. */
  resource: string;
  /** Nobody listens any more, and no connection is left. */
  readonly down: () => Promise<void>;
  /** At the same address, with the same secrets and logins. */
  readonly up: () => Promise<void>;
}

const certificates = join(import.meta.dirname, "../fixtures/tls");
const read = (name: string): Buffer => readFileSync(join(certificates, name));

export const TENANT = "11111111-2222-3333-4444-555555555555";

export async function startKeyVault(): Promise<FakeKeyVault> {
  const [store, entra] = [createStore(), createEntra(TENANT)];
  const asked: string[] = [];
  let values = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "", fake.url);
    const body = await textOf(request);
    const login = entra.answer(request, url, body);
    const { trouble } = fake;
    if (trouble?.at === (login === undefined ? "vault" : "login")) {
      trouble.answer(request, response);
      return;
    }
    if (login !== undefined) {
      response
        .writeHead(login.status, { "Content-Type": "application/json" })
        .end(JSON.stringify(login.body));
      return;
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const wanted = {
      method: request.method ?? "",
      url,
      body: body === "" ? undefined : (JSON.parse(body) as unknown),
    };
    if (token !== undefined) asked.push(`${wanted.method} ${url.pathname}`);
    if (token !== undefined && readsValue(wanted)) values++;
    send(response, store, fake.resource, judge(store, entra, token, wanted));
  };
  const secure = { cert: read("cert.pem"), key: read("key.pem") };
  const inner = createServer(secure, (request, response) => void handle(request, response));
  const machine = createPlain((request, response) => void handle(request, response));
  const front = await listen(inner);
  await once(machine.listen(0, "127.0.0.1"), "listening");
  const fake: FakeKeyVault = {
    ...{ url: `https://127.0.0.1:${front.port}`, store, entra, asked },
    machineUrl: `http://127.0.0.1:${(machine.address() as AddressInfo).port}/msi/token`,
    caFile: join(certificates, "ca.pem"),
    valuesAsked: () => values,
    trouble: undefined,
    resource: "https://vault.azure.net",
    down: front.close,
    up: front.open,
    async [Symbol.asyncDispose]() {
      machine.close();
      machine.closeAllConnections();
      await front.close();
    },
  };
  return fake;
}

interface Front {
  readonly port: number;
  readonly close: () => Promise<void>;
  readonly open: () => Promise<void>;
}

/** Its connections can be cut, and the port be closed and opened again. */
async function listen(inner: ReturnType<typeof createServer>): Promise<Front> {
  const sockets = new Set<Socket>();
  const open = async (port: number): Promise<ReturnType<typeof createListener>> => {
    const listener = createListener((socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      inner.emit("connection", socket);
    }).listen(port, "127.0.0.1");
    await once(listener, "listening");
    return listener;
  };
  let listener = await open(0);
  const { port } = listener.address() as AddressInfo;
  const close = async (): Promise<void> => {
    const closed = once(listener, "close");
    listener.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port,
    close,
    open: async () => {
      listener = await open(port);
    },
  };
}

function judge(
  store: KeyVaultStore,
  entra: Entra,
  token: string | undefined,
  request: VaultRequest,
): VaultAnswer {
  if (token === undefined)
    return fault(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.");
  const identity = entra.identityOf(token);
  // Not shown by any recording, nor are the denials.
  if (identity === undefined) return fault(401, "Unauthorized", "AKV10032: Invalid token.");
  const { permissions, secrets } = identity;
  const name = secretIn(request.url);
  const mayReach = secrets === undefined || (name !== undefined && secrets.includes(name));
  if (mayReach && permissions.includes(permissionFor(request))) return route(store, request);
  return fault(
    403,
    "Forbidden",
    "Caller is not authorized to perform action on resource.",
    "ForbiddenByRbac",
  );
}

function send(
  response: ServerResponse,
  store: KeyVaultStore,
  resource: string,
  { status, body }: VaultAnswer,
): void {
  response.setHeader("Date", new Date(store.now() * 1000).toUTCString());
  response.setHeader("x-ms-request-id", "e7221c8f-438b-426f-abc5-056b1536badd");
  response.setHeader("x-ms-keyvault-region", "eastus");
  if (status === 401) {
    response.setHeader(
      "WWW-Authenticate",
      `Bearer authorization="https://login.windows.net/${TENANT}", resource="${resource}"`,
    );
  }
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  response.setHeader("Content-Type", "application/json; charset=utf-8");
  const text = JSON.stringify(body);
  const packs = /gzip/.test(String(response.req.headers["accept-encoding"]));
  if (packs) response.setHeader("Content-Encoding", "gzip");
  response.writeHead(status).end(packs ? gzipSync(text) : text);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString();
}
