/** Changes that AWS tells: an event of the store, a rule of EventBridge, a queue of SQS. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { never } from "../reconciler/world.ts";
import { allow, type AwsScene, keysAuth, METADATA, ROOT_AUTH, startAws } from "./awsScene.ts";

let scene: AwsScene;
let queueUrl: string;

beforeAll(async () => {
  scene = await startAws();
  queueUrl = String((await scene.aws.root("sqs.CreateQueue", { QueueName: "dso" }))["QueueUrl"]);
  const rule = { Name: "secrets" };
  const pattern = { source: ["aws.secretsmanager"], "detail-type": ["Secret Label Updated"] };
  await scene.aws.root("events.PutRule", { ...rule, EventPattern: JSON.stringify(pattern) });
  const Arn = "arn:aws:sqs:eu-west-1:000000000000:dso";
  await scene.aws.root("events.PutTargets", { Rule: rule.Name, Targets: [{ Id: "1", Arn }] });
});

afterAll(() => scene[Symbol.asyncDispose]());

const waiting = async (): Promise<number> => {
  const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
  const asked = { QueueUrl: queueUrl, AttributeNames };
  const { Attributes } = await scene.aws.root("sqs.GetQueueAttributes", asked);
  return Object.values(Attributes as Readonly<Record<string, string>>).reduce(
    (sum, count) => sum + Number(count),
    0,
  );
};

it("is told of the secrets that are wanted, and leaves nothing in the queue", async () => {
  for (const name of ["push/a", "push/b", "push/other"]) await scene.put(name, "one");
  const arn = String(
    (await scene.aws.root("secretsmanager.DescribeSecret", { SecretId: "push/b" }))["ARN"],
  );
  const keys = await scene.aws.user("listener", [
    METADATA,
    {
      ...{ Effect: "Allow", Resource: "*" },
      Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:DeleteMessageBatch"],
    },
  ]);
  const provider = scene.open(keysAuth(keys), { push: { queue_url: queueUrl } });
  for (const MessageBody of ["garbage", "null", '{"detail":{"name":7}}', '{"detail":[]}']) {
    await scene.aws.root("sqs.SendMessage", { QueueUrl: queueUrl, MessageBody });
  }
  const told: string[] = [];
  const stop = new AbortController();
  const watched = provider.watch!(["push/a", arn], (path) => told.push(path), stop.signal);
  await scene.put("push/other", "two");
  await scene.put("push/a", "two");
  await expect.poll(() => told).toEqual(["push/a"]);
  await scene.put("push/b", "two");
  await expect.poll(() => told).toEqual(["push/a", arn]);
  await expect.poll(waiting).toBe(0);
  stop.abort();
  await expect(watched).resolves.toBeUndefined();
  await provider.close();
});

it("says what to grant, or to correct", async () => {
  const watch = (auth: Parameters<AwsScene["open"]>[0], queue_url: string): Promise<void> =>
    scene.open(auth, { push: { queue_url } }).watch!(["x"], () => undefined, never);
  const keys = await scene.aws.user("deaf", [allow(["ListSecrets"])]);
  await expect(watch(keysAuth(keys), queueUrl)).rejects.toMatchObject({
    code: "secret-denied",
    hint: expect.stringContaining("sqs:ReceiveMessage and sqs:DeleteMessage") as unknown,
  });
  await expect(watch(ROOT_AUTH, `${queueUrl}-none`)).rejects.toMatchObject({
    code: "config-invalid",
    message: `provider "aws": there is no queue ${queueUrl}-none`,
  });
});

it("is no provider that watches where no queue is named", () => {
  expect("watch" in scene.open(ROOT_AUTH)).toBe(false);
});
