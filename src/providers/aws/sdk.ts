/** What is used of AWS's SDK. A release has it in a file of its own, which is read when a reference asks for it. */
import type * as queues from "./queueSdk.ts";

export {
  BatchGetSecretValueCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
export {
  fromNodeProviderChain,
  fromSSO,
  fromTemporaryCredentials,
} from "@aws-sdk/credential-providers";

/** Of its queues: only who is told of changes needs them. */
export const loadQueues = (): Promise<typeof queues> => import("./queueSdk.ts");
