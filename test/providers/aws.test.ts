/** How the provider of AWS asks, and what it makes of the answers, without a server. */
import { describe, expect, it, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { requestKey, type SecretProvider, type SecretRequest } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import type { FoundValue, SecretsApi } from "../../src/providers/aws/api.ts";
import { faultOf } from "../../src/providers/aws/faults.ts";
import { prefixFor, type SecretEntry } from "../../src/providers/aws/metadata.ts";
import { createAwsProvider } from "../../src/providers/aws/provider.ts";
import { never } from "../reconciler/world.ts";

const V1 = "1".repeat(36);
const V2 = "2".repeat(36);
const missing = new DsoError("secret-missing", "gone");
const denied = new DsoError("secret-denied", "no");

const arnOf = (name: string): string => `arn:aws:secretsmanager:r:1:secret:${name}-AbCdEf`;

function entry(name: string, version = V1, stage = "AWSCURRENT"): SecretEntry {
  return { name, arn: arnOf(name), isDeleted: false, stages: new Map([[version, [stage]]]) };
}

function value(name: string, version = V1): FoundValue {
  const values = new Map([["value", new Secret(Buffer.from(`${name} ${version}`))]]);
  return { name, arn: arnOf(name), version, values };
}

interface Fake {
  readonly provider: SecretProvider;
  readonly asked: string[];
  /** Milliseconds. */
  readonly later: (ms: number) => void;
}

/** Whatever is not given is denied. */
function fake(calls: Partial<SecretsApi>): Fake {
  const asked: string[] = [];
  let now = 0;
  const noted =
    <A extends readonly unknown[], T>(name: string, call?: (...given: A) => Promise<T>) =>
    (...given: A): Promise<T> => {
      asked.push(name);
      return call === undefined ? Promise.reject(denied) : call(...given);
    };
  const api: SecretsApi = {
    list: noted("list", calls.list),
    describe: noted("describe", calls.describe),
    hasVersion: noted("hasVersion", calls.hasVersion),
    get: noted("get", calls.get),
    getSome: noted("getSome", calls.getSome),
    ping: noted("ping", calls.ping),
    close: () => undefined,
  };
  const clock = { elapsed: () => now };
  const later = (ms: number): void => void (now += ms);
  return { provider: createAwsProvider({ provider: "aws", api, clock }), asked, later };
}

async function told({ provider }: Fake, ...requests: SecretRequest[]): Promise<unknown[]> {
  const answers = await provider.versions(requests, never);
  return requests.map((request) => {
    const answer = answers.get(requestKey(request));
    return answer instanceof DsoError ? answer.code : answer;
  });
}

const paths = (count: number): SecretRequest[] =>
  Array.from({ length: count }, (_, index) => ({ path: `s${index}` }));

describe("what is asked", () => {
  /** An account of so many others besides. */
  const account = (others: number, wanted: readonly SecretRequest[]): Partial<SecretsApi> => {
    const names = Array.from({ length: others }, (_, at) => `other${at}`);
    const all = [...names, ...wanted.map(({ path }) => path)].map((name) => entry(name));
    return {
      list: (prefixes, next) => {
        const isMeant = ({ name }: SecretEntry): boolean =>
          prefixes.length === 0 || prefixes.some((one) => name.startsWith(one));
        const meant = prefixes.length === 0 ? all : all.filter(isMeant);
        const end = Number(next ?? "0") + 100;
        const entries = meant.slice(end - 100, end);
        return Promise.resolve({ entries, next: end < meant.length ? String(end) : undefined });
      },
    };
  };

  it.each([
    [1, 0, 1],
    [10, 5000, 1],
    [11, 0, 1],
    [11, 5000, 2 + 2],
    [200, 1000, 12],
    [200, 5000, 20 + 20],
  ])("for %i secrets besides %i others is %i lists", async (count, others, lists) => {
    const one = fake(account(others, paths(count)));
    expect(new Set(await told(one, ...paths(count)))).toEqual(new Set([V1]));
    expect(one.asked).toEqual(Array.from({ length: lists }, () => "list"));
  });

  it("is the list again an hour after it was denied", async () => {
    const one = fake({ describe: (id) => Promise.resolve(entry(id)) });
    for (let turn = 0; turn < 3; turn++) await told(one, { path: "a" });
    one.later(3_599_999);
    await told(one, { path: "a" });
    expect(one.asked.filter((name) => name === "list")).toHaveLength(1);
    one.later(1);
    expect(await told(one, { path: "a" })).toEqual([V1]);
    expect(one.asked.filter((name) => name === "list")).toHaveLength(2);
  });

  it("is nothing of a denied list where the trouble is another", async () => {
    const down = new DsoError("provider-throttled", "slow");
    const one = fake({ list: () => Promise.reject(down) });
    await expect(told(one, { path: "a" })).rejects.toBe(down);
    expect(one.asked).toEqual(["list"]);
  });
});

describe("a secret that is in no list", () => {
  const store = (...answers: (SecretEntry | DsoError)[]): Fake =>
    fake({
      list: () => Promise.resolve({ entries: [], next: undefined }),
      describe: () => {
        const answer = answers.shift();
        if (answer === undefined) throw new Error("asked too often");
        return answer instanceof DsoError ? Promise.reject(answer) : Promise.resolve(answer);
      },
    });

  it("is missing at once where it was never there", async () => {
    expect(await told(store(missing), { path: "a" })).toEqual(["secret-missing"]);
  });

  it("and was there before is asked for twice", async () => {
    const one = store(entry("a"), missing, entry("a", V2), missing, missing);
    expect(await told(one, { path: "a" })).toEqual([V1]);
    expect(await told(one, { path: "a" })).toEqual([V2]);
    expect(await told(one, { path: "a" })).toEqual(["secret-missing"]);
  });

  it("is denied, and not missing, where it may not be asked for", async () => {
    expect(await told(store(denied), { path: "a" })).toEqual(["secret-denied"]);
  });

  it("is asked for where a list that lags shows it otherwise", async () => {
    let isDeleted = false;
    const one = fake({
      list: () => Promise.resolve({ entries: [{ ...entry("a"), isDeleted }], next: undefined }),
      describe: () => Promise.resolve(entry("a", V2)),
    });
    expect(await told(one, { path: "a" })).toEqual([V1]);
    isDeleted = true;
    expect(await told(one, { path: "a" })).toEqual([V2]);
  });

  it("is not taken for another, whose name its ARN ends with", async () => {
    const other = { ...entry("a-AbCdEf", V2), arn: arnOf("a-AbCdEf") };
    for (const entries of [
      [entry("a"), other],
      [other, entry("a")],
    ]) {
      const one = fake({ list: () => Promise.resolve({ entries, next: undefined }) });
      expect(await told(one, { path: arnOf("a") })).toEqual([V1]);
    }
  });

  it("has no value yet", async () => {
    expect(await told(store(entry("a", V1, "AWSPENDING")), { path: "a" })).toEqual([
      "secret-empty",
    ]);
  });
});

describe("values", () => {
  it("of a batch that came are dropped where the store then fails", async () => {
    const came = value("a");
    const down = new DsoError("provider-unreachable", "down");
    const one = fake({
      getSome: () => Promise.resolve([came]),
      get: () => Promise.reject(down),
    });
    await expect(one.provider.read([{ path: "a" }, { path: "b" }], never)).rejects.toBe(down);
    expect(() => came.values.get("value")?.reveal()).toThrow("dropped");
  });

  it("of a batch that came are dropped where the next one fails", async () => {
    const came = value("s0");
    const batches = [Promise.resolve([came]), Promise.reject(new Error("torn"))];
    batches[1]!.catch(() => undefined);
    const one = fake({ getSome: () => batches.shift()! });
    await expect(one.provider.read(paths(22), never)).rejects.toThrow("torn");
    expect(() => came.values.get("value")?.reveal()).toThrow("dropped");
  });

  it("are not shared by two requests for one secret", async () => {
    const one = fake({
      list: () => Promise.resolve({ entries: [entry("a"), entry("b")], next: undefined }),
      getSome: (ids) => Promise.resolve(ids.map((id) => value(id))),
      get: (id) => Promise.resolve(value(id)),
    });
    await told(one, { path: "a" }, { path: "b" });
    const requests = [{ path: "a" }, { path: "a", pinned: V1 }, { path: "b" }];
    const read = await one.provider.read(requests, never);
    const all = requests.map((request) => {
      const data = read.get(requestKey(request));
      return data instanceof DsoError ? undefined : data?.values.get("value");
    });
    expect(new Set(all).size).toBe(3);
    expect(all.map((one) => one?.reveal().toString())).toEqual([`a ${V1}`, `a ${V1}`, `b ${V1}`]);
  });

  it("of another version than the one that was asked for are dropped", async () => {
    const came = value("a", V1);
    const one = fake({ get: () => Promise.resolve(came) });
    const read = await one.provider.read([{ path: "a", pinned: V2 }], never);
    expect([...read.values()]).toMatchObject([{ code: "secret-version-gone" }]);
    expect(() => came.values.get("value")?.reveal()).toThrow("dropped");
  });

  it("of older versions are in no batch", async () => {
    const one = fake({ get: (id, wanted) => Promise.resolve(value(id, wanted)) });
    const requests = [
      { path: "a", pinned: V2 },
      { path: "b", pinned: V2 },
    ];
    await one.provider.read(requests, never);
    expect(one.asked).toEqual(["get", "get"]);
  });
});

test.each([
  ["db/password", "db/password"],
  [arnOf("db/password"), "db/password"],
  ["arn:aws:secretsmanager:r:1:secret:db", "db"],
  ["rds!cluster-1", "rds!cluster-1"],
  ["!all", undefined],
  ["a b", undefined],
])("a filter for %s", (path, prefix) => {
  expect(prefixFor(path)).toBe(prefix);
});

describe("an error of the SDK", () => {
  const account = { provider: "aws", address: "there", authHint: "Set it." };
  const code = (name: string, more: object = {}, asked = { action: "x", secret: "s" }): string =>
    faultOf(account, asked, Object.assign(new Error("words"), { name, ...more })).code;

  it.each([
    ["Unknown", { $metadata: { httpStatusCode: 429 } }, "provider-throttled"],
    ["TooManyRequestsException", {}, "provider-throttled"],
    ["UnrecognizedClientException", {}, "provider-auth"],
    ["CredentialsProviderError", {}, "provider-auth"],
    ["NotFound", { $metadata: { httpStatusCode: 404 } }, "provider-unreachable"],
    ["InvalidRequestException", {}, "secret-denied"],
    ["InvalidRequestException", { message: "it was marked deleted" }, "secret-missing"],
    ["InvalidRequestException", { message: "scheduled for Deletion" }, "secret-missing"],
    ["EncryptionFailure", {}, "secret-denied"],
    ["AccessDeniedException", { $metadata: { httpStatusCode: 400 } }, "secret-denied"],
    ["Error", { code: "ENOTFOUND" }, "provider-unreachable"],
  ])("%s %j is %s", (name, more, expected) => {
    expect(code(name, more)).toBe(expected);
  });

  it("about one secret spoils no other, and about all of them is the store's", () => {
    const error = Object.assign(new Error("words"), {
      ...{ name: "InvalidRequestException", $metadata: { requestId: "r-1" } },
    });
    const action = "secretsmanager:GetSecretValue";
    expect(faultOf(account, { action, secret: "s" }, error).message).toBe(
      `secret "aws:s": AWS refuses ${action} for it (InvalidRequestException, request r-1)`,
    );
    expect(faultOf(account, { action }, error).code).toBe("provider-unreachable");
  });

  it("names the key where it is the key that is denied, and not where a name has KMS in it", () => {
    const hintOf = (message: string): string | undefined => {
      const error = Object.assign(new Error(message), { name: "AccessDeniedException" });
      return faultOf(account, { action: "secretsmanager:GetSecretValue", secret: "s" }, error).hint;
    };
    expect(hintOf("Access to KMS is not allowed")).toContain("kms:Decrypt");
    const words = "User: u is not authorized to perform: x on resource: team-KMS/password";
    expect(hintOf(words)).toContain("allows secretsmanager:GetSecretValue on s");
  });

  it("tells its name and its request, and none of its words", () => {
    const error = Object.assign(new Error("IQoJb3JpZ2luX2VjE token"), {
      ...{ name: "SomethingElse", $metadata: { httpStatusCode: 418, requestId: "r-1" } },
    });
    const { message } = faultOf(account, { action: "x" }, error);
    expect(message).toBe(
      'provider "aws" at there: the request failed with 418 (SomethingElse, request r-1)',
    );
  });
});
