/** The provider of AWS Secrets Manager against a server with policies in force. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { requestKey } from "../../src/model/ports.ts";
import { describeProvider } from "../providers/contract.ts";
import { never } from "../reconciler/world.ts";
import { tagIn } from "./ministack.ts";
import {
  allow,
  type AwsScene,
  METADATA,
  putBytes,
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

describeProvider(
  "AWS Secrets Manager",
  async () => ({
    provider: await scene.as("contract", [METADATA, VALUES]),
    put: (path, value) => putBytes(scene.aws, path, value),
    remove: (path) => scene.remove(path),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
  {
    ...{ versioned: true, keepsOlder: true, binary: true, holdsEmpty: true, json: true },
    names: [
      "db/password",
      "other",
      "a+b=c.d@e-f_g",
      "deep/er/still",
      "/leading",
      "rds!db-1",
      "ü/€",
    ],
  },
);

describe("versions", () => {
  it("are read by a user who may read no value, and no value is asked for", async () => {
    for (const name of ["w/a", "w/b", "w/c"]) await scene.put(name, name);
    const provider = await scene.as("watcher", [METADATA]);
    scene.asked();
    const requests = ["w/a", "w/b", "w/c"].map((path) => ({ path }));
    const told = await provider.versions(requests, never);
    expect([...told.values()]).toEqual([UUID, UUID, UUID]);
    expect(scene.asked()).toEqual(["ListSecrets"]);
    const pinned = { path: "w/a", pinned: String(told.get("w/a")) };
    expect(await values(provider, pinned)).toMatchObject({
      code: "secret-denied",
      message: 'provider "aws" may not read "w/a"',
      hint: "Whoever asks needs a policy that allows secretsmanager:GetSecretValue on w/a.",
    });
  });

  it("are asked of each secret where the list is forbidden, and that is remembered", async () => {
    const names = ["d/a", "d/b", "d/c"];
    for (const name of names) await scene.put(name, name);
    const provider = await scene.as("describer", [allow(["DescribeSecret"])]);
    expect(await provider.check(never)).toEqual({ ok: true });
    scene.asked();
    const requests = names.map((path) => ({ path }));
    for (let turn = 0; turn < 2; turn++) {
      const told = await provider.versions(requests, never);
      expect([...told.values()]).toEqual([UUID, UUID, UUID]);
    }
    const six = Array.from({ length: 6 }, () => "DescribeSecret");
    expect(scene.asked()).toEqual(["ListSecrets", ...six]);
  });

  it("are denied by name where both are forbidden", async () => {
    await scene.put("closed", "x");
    const provider = await scene.as("nobody", [allow(["GetRandomPassword"])]);
    expect(await version(provider, { path: "closed" })).toMatchObject({
      code: "secret-denied",
      hint: "Whoever asks needs a policy that allows secretsmanager:DescribeSecret on closed.",
    });
  });

  it("of what is scheduled for deletion are missing, and say how it comes back", async () => {
    const provider = scene.open(ROOT_AUTH);
    await scene.put("del", "1");
    expect(await version(provider, { path: "del" })).toEqual(UUID);
    await scene.aws.root("secretsmanager.DeleteSecret", { SecretId: "del" });
    const deleted = {
      code: "secret-missing",
      message: 'secret "aws:del" is scheduled for deletion',
      hint: "Bring it back: aws secretsmanager restore-secret --secret-id del.",
    };
    expect(await version(provider, { path: "del" })).toMatchObject(deleted);
    expect(await values(provider, { path: "del" })).toMatchObject(deleted);
    await scene.aws.root("secretsmanager.RestoreSecret", { SecretId: "del" });
    expect(await version(provider, { path: "del" })).toEqual(UUID);
  });

  it("are pinned by VersionId or by stage", async () => {
    const provider = await scene.as("pinner", [METADATA, VALUES]);
    const keep = { SecretId: "pin", VersionStage: "KEEP" };
    const first = await scene.put("pin", "one");
    await scene.aws.root("secretsmanager.UpdateSecretVersionStage", {
      ...{ ...keep, MoveToVersionId: first },
    });
    const second = await scene.put("pin", "two");
    const third = await scene.put("pin", "three");
    const told = (pinned: string): Promise<unknown> => version(provider, { path: "pin", pinned });
    expect([await told("AWSPREVIOUS"), await told("KEEP")]).toEqual([second, first]);
    expect([await told(first), await told(third)]).toEqual([first, third]);
    scene.asked();
    const gone = { code: "secret-version-gone" };
    expect(await told("0".repeat(36))).toMatchObject(gone);
    expect(scene.asked()).toEqual([
      ...["ListSecrets", "ListSecretVersionIds"],
      // It was there, under another version: that is said again.
      ...["DescribeSecret", "ListSecretVersionIds"],
    ]);
    expect(await told("NOSTAGE")).toMatchObject(gone);
    const read = (pinned: string): Promise<unknown> => values(provider, { path: "pin", pinned });
    expect([await read(first), await read("KEEP")]).toEqual([{ value: "one" }, { value: "one" }]);
    expect(await read("AWSPREVIOUS")).toEqual({ value: "two" });
    expect(await read("0".repeat(36))).toMatchObject(gone);
    await scene.aws.root("secretsmanager.UpdateSecretVersionStage", {
      ...{ ...keep, RemoveFromVersionId: first },
    });
    // It is kept for a while, and no metadata of its secret shows it.
    scene.asked();
    expect(await told(first)).toBe(first);
    expect(scene.asked()).toEqual(["ListSecrets", "ListSecretVersionIds"]);
    expect(scene.proxy.seen.at(-1)?.body).toContain('"IncludeDeprecated":true');
  });

  it("are found by ARN, whole or without its end", async () => {
    const provider = scene.open(ROOT_AUTH);
    const id = await scene.put("by/arn", "x");
    const found = await scene.aws.root("secretsmanager.DescribeSecret", { SecretId: "by/arn" });
    const arn = String(found["ARN"]);
    scene.asked();
    for (const path of [arn, arn.slice(0, -7)]) expect(await version(provider, { path })).toBe(id);
    expect(scene.asked()).toEqual(["ListSecrets", "ListSecrets"]);
    expect(await values(provider, { path: arn })).toEqual({ value: "x" });
  });
});

/** Each with its name as the value: a stack makes them in one request. */
async function createAll({ aws }: AwsScene, names: readonly string[]): Promise<void> {
  const resources = names.map((Name, index) => [
    `S${index}`,
    { Type: "AWS::SecretsManager::Secret", Properties: { Name, SecretString: Name } },
  ]);
  const TemplateBody = JSON.stringify({ Resources: Object.fromEntries(resources) as unknown });
  const stack = { StackName: `stack-${(names[0] ?? "").replaceAll("/", "-")}` };
  await aws.query("cloudformation", { Action: "CreateStack", ...stack, TemplateBody });
  const state = async (): Promise<string> =>
    tagIn(await aws.query("cloudformation", { Action: "DescribeStacks", ...stack }), "StackStatus");
  await expect.poll(state).toBe("CREATE_COMPLETE");
}

const UUID: unknown = expect.stringMatching(/^[\da-f-]{36}$/);

describe("a thousand secrets", () => {
  it("are polled with ten requests, and read with fifty", async () => {
    await using many = await startAws();
    const names = Array.from({ length: 1000 }, (_, index) => `many/${1000 + index}`);
    for (let at = 0; at < names.length; at += 250) await createAll(many, names.slice(at, at + 250));
    const provider = await many.as("poller", [METADATA, VALUES]);
    const requests = names.map((path) => ({ path }));
    const told = await provider.versions(requests, never);
    expect([...told.values()].filter((one) => typeof one === "string")).toHaveLength(1000);
    expect(many.asked()).toEqual(Array.from({ length: 10 }, () => "ListSecrets"));
    const pinned = requests.map(({ path }) => ({ path, pinned: told.get(path) as string }));
    const read = await provider.read(pinned, never);
    expect(many.asked()).toEqual(Array.from({ length: 50 }, () => "BatchGetSecretValue"));
    for (const request of pinned) {
      const data = read.get(requestKey(request));
      if (data === undefined || data instanceof DsoError) throw new Error(String(data));
      expect(data.values.get("value")?.reveal().toString()).toBe(request.path);
    }
    // Few of them cost no more than one request, however many there are.
    await provider.versions(requests.slice(0, 5), never);
    expect(many.asked()).toEqual(["ListSecrets"]);
  });
});
