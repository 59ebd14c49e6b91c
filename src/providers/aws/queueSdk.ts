/** What is used of AWS's SDK for its queues: only who is told of changes reads it. */
export { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
