/** What the provider of AWS may do with whose credentials, and what a queue tells it. */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { requestKey, type SecretProvider } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { never } from "../reconciler/world.ts";
import { startFaultProxy } from "./faultProxy.ts";
import { type Keys, policyOf, tagIn } from "./ministack.ts";
import {
  allow,
  type AwsScene,
  keysAuth,
  METADATA,
  ROOT_AUTH,
  startAws,
  VALUES,
} from "./awsScene.ts";
import { values, version } from "./told.ts";

let scene: AwsScene;

beforeAll(async () => {
  scene = await startAws();
});

afterAll(() => scene[Symbol.asyncDispose]());

const arnOf = async (name: string): Promise<string> => {
  const found = await scene.aws.root("secretsmanager.DescribeSecret", { SecretId: name });
  return String(found["ARN"]);
};

describe("values", () => {
  it("come by their keys where they are a JSON object, each number with its digits", async () => {
    const provider = scene.open(ROOT_AUTH);
    const text = `{"password":"p€","port":5432,"long":12345678901234567890,"rate":1.50,
      "deep":{"list":[1,1.0,"x"]},"on":true,"none":null}`;
    await scene.put("object", text);
    expect(await values(provider, { path: "object" })).toEqual({
      ...{ password: "p€", port: "5432", long: "12345678901234567890", rate: "1.50" },
      ...{ deep: '{"list":[1,1.0,"x"]}', on: "true", none: "" },
    });
    for (const other of ["[1]", '"x"', "{nothing", "5"]) {
      await scene.put("object", other);
      expect(await values(provider, { path: "object" })).toEqual({ value: other });
    }
  });

  it("of a secret that has none are empty", async () => {
    await scene.aws.root("secretsmanager.CreateSecret", { Name: "hollow" });
    expect(await values(scene.open(ROOT_AUTH), { path: "hollow" })).toEqual({ value: "" });
  });

  it("come in one request for all; what it denies is asked for alone, and said of that secret", async () => {
    for (const name of ["batch/a", "batch/b", "batch/c"]) await scene.put(name, name);
    const some = allow(["GetSecretValue"], `${(await arnOf("batch/a")).slice(0, -7)}*`);
    const provider = await scene.as("partly", [METADATA, allow(["BatchGetSecretValue"]), some]);
    const paths = ["batch/a", "batch/b", "batch/c"].map((path) => ({ path }));
    await provider.versions(paths, never);
    scene.asked();
    const read = await provider.read(paths, never);
    expect(scene.asked()).toEqual(["BatchGetSecretValue", "GetSecretValue", "GetSecretValue"]);
    expect([...read.values()].map((one) => (one instanceof DsoError ? one.code : "read"))).toEqual([
      ...["read", "secret-denied", "secret-denied"],
    ]);
  });

  it("come one by one where the batch is forbidden, and that is remembered", async () => {
    for (const name of ["single/a", "single/b"]) await scene.put(name, name);
    const provider = await scene.as("single", [METADATA, allow(["GetSecretValue"])]);
    const paths = ["single/a", "single/b"].map((path) => ({ path }));
    scene.asked();
    for (let turn = 0; turn < 2; turn++) {
      const read = await provider.read(paths, never);
      expect([...read.values()].filter((one) => one instanceof DsoError)).toEqual([]);
    }
    const get = "GetSecretValue";
    expect(scene.asked()).toEqual(["BatchGetSecretValue", get, get, get, get]);
  });

  it("are never those of another version than the one that was planned", async () => {
    for (const name of ["moved/a", "moved/b"]) await scene.put(name, "planned");
    const provider = await scene.as("mover", [METADATA, VALUES]);
    const paths = ["moved/a", "moved/b"].map((path) => ({ path }));
    const told = await provider.versions(paths, never);
    await scene.put("moved/b", "newer");
    const pinned = paths.map(({ path }) => ({ path, pinned: told.get(path) as string }));
    scene.asked();
    const read = await provider.read(pinned, never);
    expect(scene.asked()).toEqual(["BatchGetSecretValue", "GetSecretValue"]);
    const texts = pinned.map((request) => {
      const one = read.get(requestKey(request));
      return one instanceof DsoError ? one.code : one?.values.get("value")?.reveal().toString();
    });
    expect(texts).toEqual(["planned", "planned"]);
  });
});

describe("credentials", () => {
  afterEach(() => void vi.unstubAllEnvs());

  const works = async (provider: SecretProvider): Promise<void> => {
    const id = await scene.put("who", "x");
    expect(await version(provider, { path: "who" })).toBe(id);
  };

  const startRole = async (
    name: string,
    user: string,
    statements: readonly object[],
  ): Promise<string> => {
    const AssumeRolePolicyDocument = policyOf([
      {
        ...{ Effect: "Allow", Action: "sts:AssumeRole" },
        Principal: { AWS: `arn:aws:iam::000000000000:user/${user}` },
        Condition: { StringEquals: { "sts:ExternalId": "shop" } },
      },
    ]);
    const role = { RoleName: name, AssumeRolePolicyDocument };
    const made = await scene.aws.query("iam", { Action: "CreateRole", ...role });
    const PolicyDocument = policyOf(statements);
    const policy = { RoleName: name, PolicyName: "its", PolicyDocument };
    await scene.aws.query("iam", { Action: "PutRolePolicy", ...policy });
    return tagIn(made, "Arn");
  };

  it("of a role that is assumed with those of another method", async () => {
    const assume = { Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" };
    const keys: Keys = await scene.aws.user("assumer", [assume]);
    const role_arn = await startRole("reader", "assumer", [METADATA]);
    const auth = { ...keysAuth(keys), role_arn, sts_endpoint: scene.aws.url };
    const provider = scene.open({ ...auth, external_id: "shop" });
    await works(provider);
    expect(await values(provider, { path: "who" })).toMatchObject({ code: "secret-denied" });
    const refused = scene.open({ ...auth, external_id: "other" });
    await expect(refused.versions([{ path: "who" }], never)).rejects.toMatchObject({
      code: "provider-auth",
      message: `provider "aws" may not assume ${role_arn} (AccessDenied)`,
    });
  });

  it("of files that are written anew are read anew once they are refused", async () => {
    await using directory = await temporaryDirectory();
    const [id, key] = [join(directory.path, "id"), join(directory.path, "key")];
    const auth = { method: "static", access_key_id_file: id, secret_access_key_file: key };
    const give = async (keys: Keys): Promise<void> => {
      await writeFile(id, `${keys.id}\n`);
      await writeFile(key, `${keys.secret}\n`);
    };
    const first = await scene.aws.user("first", [METADATA]);
    await give(first);
    const provider = scene.open(auth);
    await works(provider);
    const dead = { UserName: "first", AccessKeyId: first.id };
    await scene.aws.query("iam", { Action: "DeleteAccessKey", ...dead });
    await expect(provider.versions([{ path: "who" }], never)).rejects.toMatchObject({
      code: "provider-auth",
      hint: expect.stringContaining("access_key_id") as unknown,
    });
    await give(await scene.aws.user("second", [METADATA]));
    await works(provider);
  });

  it("of the shared files, by the profile; none at all is told with what to set", async () => {
    await using home = await temporaryDirectory();
    vi.stubEnv("HOME", home.path);
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
    await expect(scene.open({}).versions([{ path: "who" }], never)).rejects.toMatchObject({
      code: "provider-auth",
      message: expect.stringContaining('provider "aws" has no credentials: ') as unknown,
      hint: expect.stringContaining("AWS_PROFILE") as unknown,
    });
    const keys = await scene.aws.user("profiled", [METADATA]);
    await mkdir(join(home.path, ".aws"));
    const file = join(home.path, ".aws/credentials");
    const profile = `aws_access_key_id = ${keys.id}\naws_secret_access_key = ${keys.secret}\n`;
    await writeFile(file, `[shop]\n${profile}`);
    vi.stubEnv("AWS_PROFILE", "shop");
    await works(scene.open({ method: "iam" }));
  });

  it("of a login by SSO; an expired one says how to log in", async () => {
    await using home = await temporaryDirectory();
    await using portal = await startFaultProxy();
    vi.stubEnv("HOME", home.path);
    vi.stubEnv("AWS_ENDPOINT_URL_SSO", portal.url);
    const start = "https://shop.awsapps.com/start";
    await mkdir(join(home.path, ".aws/sso/cache"), { recursive: true });
    const sso = `sso_start_url = ${start}\nsso_region = us-east-1\n`;
    const account = "sso_account_id = 000000000000\nsso_role_name = reader\n";
    await writeFile(join(home.path, ".aws/config"), `[profile shop]\n${sso}${account}`);
    const cached = createHash("sha1").update(start).digest("hex");
    const login = (expiresAt: number): Promise<void> => {
      const token = { accessToken: "portal-token", expiresAt: new Date(expiresAt).toISOString() };
      const file = join(home.path, `.aws/sso/cache/${cached}.json`);
      return writeFile(file, JSON.stringify({ ...token, startUrl: start, region: "us-east-1" }));
    };
    const session = await scene.aws.query("sts", { Action: "GetSessionToken" });
    const roleCredentials = {
      accessKeyId: tagIn(session, "AccessKeyId"),
      secretAccessKey: tagIn(session, "SecretAccessKey"),
      sessionToken: tagIn(session, "SessionToken"),
      expiration: Date.now() + 3_600_000,
    };
    const headers = { "content-type": "application/json" };
    portal.spoil({ status: 200, headers, body: JSON.stringify({ roleCredentials }) });
    const auth = { method: "sso", profile: "shop" };
    await login(Date.now() - 1000);
    await expect(scene.open(auth).versions([{ path: "who" }], never)).rejects.toMatchObject({
      code: "provider-auth",
      hint: "Run: aws sso login --profile shop.",
    });
    await login(Date.now() + 3_600_000);
    await works(scene.open(auth));
    expect(portal.seen.map(({ path }) => path.split("?")[0])).toEqual(["/federation/credentials"]);
  });

  it("that are named and not there", async () => {
    const auth = {
      ...{ method: "static", access_key_id_env: "NOBODY_SET_THIS" },
      secret_access_key: new Secret(Buffer.from("x")),
    };
    await expect(scene.open(auth).versions([{ path: "who" }], never)).rejects.toMatchObject({
      code: "config-invalid",
      message: 'provider "aws": the variable NOBODY_SET_THIS of access_key_id_env is not set',
    });
  });
});
