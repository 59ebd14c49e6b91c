/** What AWS, or what stands before it, can answer besides what it should. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import type { Settings } from "../../src/model/settings.ts";
import { openAwsProvider } from "../../src/providers/aws/open.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { never } from "../reconciler/world.ts";
import { unhurried } from "../fakes/time.ts";
import { keysAuth, putSecret, ROOT_AUTH } from "./awsScene.ts";
import { version } from "./told.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "./faultProxy.ts";
import { REGION, startMinistack } from "./ministack.ts";
import { freePorts } from "./process.ts";

const KEYS = { id: "AKIAOFTHETEST", secret: "secret-key-of-the-test" };

function providerAt(
  endpoint: string,
  auth: Settings = keysAuth(KEYS),
  deadlineMs = 10_000,
): SecretProvider {
  const settings = { region: REGION, endpoint, auth };
  const opening = { name: "aws", settings, environment: {}, directory: "/", ...unhurried };
  return openAwsProvider(opening, deadlineMs);
}

async function refusal(asked: Promise<unknown>): Promise<DsoError> {
  const error: unknown = await asked.catch((thrown: unknown) => thrown);
  if (!(error instanceof DsoError)) throw new Error(`not refused: ${inspect(error)}`);
  expect(error.message).not.toContain("\n");
  expect(inspect(error, { depth: 10 }) + JSON.stringify(error)).not.toContain(KEYS.secret);
  return error;
}

const json = (status: number, type: string, message = type): Fault => ({
  ...{ status, headers: { "content-type": "application/x-amz-json-1.1" } },
  body: JSON.stringify({ __type: type, message }),
});
const page = (status: number): Fault => ({
  ...{ status, headers: { "content-type": "text/html" } },
  body: "<html>Welcome</html>",
});

const FAULTS: readonly (readonly [string, Fault, string, RegExp, number])[] = [
  [
    "throttled",
    json(400, "ThrottlingException"),
    "provider-throttled",
    /takes no more requests/,
    3,
  ],
  [
    ...(["an error of the service", json(500, "InternalServiceError")] as const),
    ...(["provider-unreachable", /failed with 500 \(InternalServiceError\)/, 3] as const),
  ],
  ["a page", page(200), "provider-unreachable", /\(status 200\) is not AWS: that was no JSON/, 1],
  ["a page of a proxy", page(502), "provider-unreachable", /is not AWS|failed with 502/, 3],
  ["a connection that is cut", { end: "reset" }, "provider-unreachable", /was cut/, 3],
  [
    ...(["an answer that is cut", { body: "{}", after: 1, end: "reset" }] as const),
    ...(["provider-unreachable", /was cut/, 3] as const),
  ],
  [
    ...([
      "a signature that is wrong",
      json(400, "InvalidSignatureException", KEYS.secret),
    ] as const),
    ...(["provider-auth", /credentials are refused \(InvalidSignatureException\)/, 2] as const),
  ],
  [
    ...(["a token that has expired", json(400, "ExpiredTokenException")] as const),
    ...(["provider-auth", /credentials are refused \(ExpiredTokenException\)/, 2] as const),
  ],
];

test.each(FAULTS)("%s", async (_, fault, code, words, attempts) => {
  await using proxy = await startFaultProxy();
  proxy.spoil(fault);
  const error = await refusal(providerAt(proxy.url).versions([{ path: "x" }], never));
  expect([error.code, error.message]).toEqual([code, expect.stringMatching(words)]);
  expect(proxy.seen).toHaveLength(attempts);
});

describe("a secret", () => {
  const answered = async (
    operation: string,
    fault: Fault,
    ask: (provider: SecretProvider) => Promise<ReadonlyMap<string, unknown>>,
  ): Promise<unknown> => {
    await using proxy: FaultProxy = await startFaultProxy();
    const denied = json(400, "AccessDeniedException");
    const isIt = ({ headers }: { headers: NodeJS.Dict<string | string[]> }): boolean =>
      String(headers["x-amz-target"]).endsWith(operation);
    proxy.spoil({ ...fault, when: isIt }, denied);
    return [...(await ask(providerAt(proxy.url))).values()][0];
  };
  const read = (fault: Fault): Promise<unknown> =>
    answered("GetSecretValue", fault, (provider) => provider.read([{ path: "x" }], never));

  it("whose key may not be used", async () => {
    const hint = `Whoever asks needs a policy that allows kms:Decrypt on the key of "x".`;
    const denied = { code: "secret-denied", message: 'provider "aws" may not decrypt "x"', hint };
    expect(await read(json(400, "DecryptionFailure"))).toMatchObject(denied);
    const words = "Access to KMS is not allowed";
    expect(await read(json(400, "AccessDeniedException", words))).toMatchObject(denied);
  });

  it("whose name is none for AWS", async () => {
    const fault = json(400, "ValidationException", "Invalid name.");
    expect(await read(fault)).toMatchObject({ code: "reference-invalid" });
  });

  it("that is not there, whatever the status", async () => {
    for (const status of [400, 404]) {
      const fault = json(status, "ResourceNotFoundException", "can't find the specified secret.");
      expect(await read(fault)).toMatchObject({ code: "secret-missing" });
    }
    // Somebody else's 404 is no answer about a secret.
    const proxy = await refusal(read(page(404)));
    expect(proxy.code).toBe("provider-unreachable");
  });

  it("that has no value", async () => {
    const words = "can't find the specified secret value for staging label: AWSCURRENT";
    const fault = json(400, "ResourceNotFoundException", words);
    expect(await read(fault)).toMatchObject({ code: "secret-empty" });
  });
});

it("does not wait for ever, neither for an answer nor for the rest of one", async () => {
  await using proxy = await startFaultProxy();
  const faults: readonly Fault[] = [
    { end: "hang" },
    { delayMs: 2000, body: "{}" },
    { body: "{}", after: 1, end: "hang" },
  ];
  for (const fault of faults) {
    proxy.spoil(fault);
    const asked = providerAt(proxy.url, keysAuth(KEYS), 300).versions([{ path: "x" }], never);
    const { code, message } = await refusal(asked);
    expect([code, message]).toEqual([
      ...["provider-unreachable", `provider "aws" at ${proxy.url}: no answer within 0.3 s`],
    ]);
  }
});

it("reads no more of an answer that has no end than fits into memory", async () => {
  let sent = 0;
  const server = createServer((_, response) => {
    const more = (): void => {
      while (response.write(Buffer.alloc(1024 * 1024, " "))) sent++;
      sent++;
    };
    response.on("drain", more);
    more();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const asked = providerAt(`http://127.0.0.1:${port}`).versions([{ path: "x" }], never);
  expect(await refusal(asked)).toMatchObject({
    code: "provider-unreachable",
    message: `provider "aws" at http://127.0.0.1:${port}: its answer is larger than any of AWS`,
  });
  expect(sent).toBeLessThan(100);
  const isClosed = once(server, "close");
  server.close();
  await isClosed;
});

it("stops at once when it is told to", async () => {
  await using proxy = await startFaultProxy();
  proxy.spoil({ end: "hang" });
  const stop = new AbortController();
  const asked = providerAt(proxy.url).versions([{ path: "x" }], stop.signal);
  await expect.poll(() => proxy.seen.length).toBe(1);
  stop.abort(new Error("enough"));
  await expect(asked).rejects.toThrow("enough");
});

it("gets other credentials once, where those at hand have expired", async () => {
  await using proxy = await startFaultProxy();
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "key");
  await writeFile(file, "old");
  const auth = { method: "static", access_key_id: KEYS.id, secret_access_key_file: file };
  const provider = providerAt(proxy.url, auth);
  proxy.spoil({ ...json(400, "ExpiredTokenException"), times: 1 }, { body: '{"SecretList":[]}' });
  await expect(provider.check(never)).resolves.toEqual({ ok: true });
  const signatures = proxy.seen.map(({ headers }) => headers.authorization);
  expect(signatures).toHaveLength(2);
});

it("outlives a server that goes and comes back", async () => {
  const port = await freePorts();
  const provider = providerAt(`http://127.0.0.1:${port}`, ROOT_AUTH);
  for (let turn = 0; turn < 2; turn++) {
    await using aws = await startMinistack({ port });
    const id = await putSecret(aws, "x", "1");
    expect(await version(provider, { path: "x" })).toBe(id);
  }
  expect(await refusal(provider.versions([{ path: "x" }], never))).toMatchObject({
    code: "provider-unreachable",
    message: `provider "aws" at http://127.0.0.1:${port}: nobody listens there`,
  });
});

it("trusts no certificate that nobody has vouched for", async () => {
  const pem = (name: string): Promise<Buffer> =>
    readFile(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
  await using proxy = await startFaultProxy({
    tls: { cert: await pem("cert"), key: await pem("key") },
  });
  expect(await refusal(providerAt(proxy.url).versions([{ path: "x" }], never))).toMatchObject({
    code: "provider-unreachable",
    message: `provider "aws" at ${proxy.url}: its certificate is signed by nobody that is trusted`,
    hint: "Start dso with NODE_EXTRA_CA_CERTS, the file of the certificates to trust.",
  });
  expect(proxy.seen).toEqual([]);
});
