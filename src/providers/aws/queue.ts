/** Changes that AWS tells by itself: EventBridge's "Secret Label Updated", out of a queue of SQS. */
import type { SQSClient } from "@aws-sdk/client-sqs";
import type { Caller } from "./caller.ts";
import { namesOf } from "./metadata.ts";
import type * as sdk from "./queueSdk.ts";

export interface Message {
  readonly receipt: string;
  readonly body: string;
}

export interface Queue {
  /** Waits for some, at most 20 s. */
  receive(signal: AbortSignal): Promise<readonly Message[]>;
  remove(receipts: readonly string[], signal: AbortSignal): Promise<void>;
  close(): void;
}

const WAIT_S = 20;

export interface QueueService {
  readonly sdk: typeof sdk;
  readonly client: SQSClient;
}

export function createQueue(caller: Caller<QueueService>, url: string): Queue {
  return {
    async receive(signal) {
      const input = { QueueUrl: url, WaitTimeSeconds: WAIT_S, MaxNumberOfMessages: 10 };
      const { Messages = [] } = await caller.call(
        { action: "sqs:ReceiveMessage", queue: url },
        ({ client, sdk }, options) => client.send(new sdk.ReceiveMessageCommand(input), options),
        signal,
      );
      return Messages.map(({ ReceiptHandle = "", Body = "" }) => ({
        ...{ receipt: ReceiptHandle, body: Body },
      }));
    },
    async remove(receipts, signal) {
      const Entries = receipts.map((ReceiptHandle, index) => ({
        ...{ Id: String(index), ReceiptHandle },
      }));
      await caller.call(
        { action: "sqs:DeleteMessage", queue: url },
        ({ client, sdk }, options) =>
          client.send(new sdk.DeleteMessageBatchCommand({ QueueUrl: url, Entries }), options),
        signal,
      );
    },
    close: () => caller.close(),
  };
}

/** As the port's `watch`. What nobody understands, or wants, is taken out of the queue all the same. */
export async function watchQueue(
  queue: Queue,
  paths: readonly string[],
  changed: (path: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Set(paths);
  try {
    while (!signal.aborted) {
      const messages = await queue.receive(signal);
      const names = new Set(messages.flatMap(({ body }) => secretsIn(body)));
      for (const name of names) if (wanted.has(name)) changed(name);
      const receipts = messages.map(({ receipt }) => receipt);
      if (receipts.length > 0) await queue.remove(receipts, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** All that a reference may call the secret that a message is about; none where it is about none. */
function secretsIn(body: string): readonly string[] {
  const event = parse(body);
  const name = textIn(memberOf(event, "detail"), "name");
  if (name === undefined) return [];
  const resources = memberOf(event, "resources");
  const arns = Array.isArray(resources) ? resources.filter((one) => typeof one === "string") : [];
  const all = name.startsWith("arn:") ? [name, ...arns] : arns;
  return [name, ...all.flatMap((arn) => namesOf({ name, arn }))];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function memberOf(json: unknown, key: string): unknown {
  return typeof json === "object" && json !== null && Object.hasOwn(json, key)
    ? (json as Readonly<Record<string, unknown>>)[key]
    : undefined;
}

function textIn(json: unknown, key: string): string | undefined {
  const found = memberOf(json, key);
  return typeof found === "string" && found !== "" ? found : undefined;
}
