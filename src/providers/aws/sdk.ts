/** What is used of AWS's SDK. A release has it in a file of its own, which is read when a reference asks for it. */
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
