/** What an error of AWS's SDK means. Decided by its name, then its code, then the status: servers differ in the last. */
import { DsoError } from "../../model/errors.ts";
import type { Version } from "../../model/version.ts";
import { isUntrusted, reasonOf } from "../http.ts";
import { TOO_LARGE } from "./bounded.ts";

/** Of whom a call is made, and with what. */
export interface Account {
  /** As dso.yaml names the provider. */
  readonly provider: string;
  /** Who is asked: an address, or the service and its region. */
  readonly address: string;
  /** What to set where the credentials are refused: one sentence. */
  readonly authHint: string;
}

export interface Asked {
  /** As policies call it, for example `secretsmanager:DescribeSecret`. */
  readonly action: string;
  /** The secret's name or ARN, as the reference has it; absent: all of them. */
  readonly secret?: string;
  readonly pinned?: Version;
  /** The queue's address, where it is one that is asked. */
  readonly queue?: string;
}

const THROTTLED =
  /^(Throttl|TooManyRequests|RequestLimitExceeded|ProvisionedThroughputExceeded|RequestThrottled|SlowDown|PriorRequestNotComplete|BandwidthLimitExceeded)/;
const UNKNOWN_TO_AWS =
  /^(ExpiredToken|UnrecognizedClient|InvalidClientTokenId|InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|MissingAuthenticationToken|InvalidAccessKeyId|AuthFailure|OptInRequired|RequestExpired|NotAuthorized|InvalidToken)/;
const NO_CREDENTIALS = /^(CredentialsProviderError|TokenProviderError)$/;

/** The service does not know, or no more, who asks: other credentials may help. */
export function isRefused(error: unknown): boolean {
  return UNKNOWN_TO_AWS.test(nameOf(error));
}

/** Without the error itself, and without its words: those of a wrong signature repeat the token. */
export function faultOf(account: Account, asked: Asked, error: unknown): DsoError {
  if (error instanceof DsoError) return error;
  const name = nameOf(error);
  const { provider, authHint } = account;
  if (UNKNOWN_TO_AWS.test(name) || NO_CREDENTIALS.test(name)) {
    const message = `provider "${provider}": its credentials are refused (${name}${requestOf(error)})`;
    return new DsoError("provider-auth", message, { hint: authHint });
  }
  const { queue } = asked;
  const one =
    queue === undefined
      ? secretFault(provider, asked, error)
      : queueFault(provider, asked.action, queue, name);
  return one ?? serviceFault(account, error);
}

function queueFault(
  provider: string,
  action: string,
  queue: string,
  name: string,
): DsoError | undefined {
  if (/^AccessDenied/.test(name)) {
    return new DsoError("secret-denied", `provider "${provider}" may not use the queue ${queue}`, {
      hint: `Whoever asks needs a policy that allows sqs:ReceiveMessage and sqs:DeleteMessage on it (${action} was refused).`,
    });
  }
  if (!/QueueDoesNotExist|NonExistentQueue/.test(name)) return undefined;
  return new DsoError("config-invalid", `provider "${provider}": there is no queue ${queue}`, {
    hint: `Correct providers.${provider}.push.queue_url in dso.yaml.`,
  });
}

/** About one secret; undefined where the store as such is to blame. */
function secretFault(provider: string, asked: Asked, error: unknown): DsoError | undefined {
  const { secret = "", action } = asked;
  const what = `secret "${provider}:${secret}"`;
  switch (nameOf(error)) {
    case "AccessDenied":
    case "AccessDeniedException":
      return denied(provider, asked, /Access to KMS/.test(wordsOf(error)));
    case "DecryptionFailure":
      return denied(provider, asked, true);
    case "ResourceNotFoundException":
      return missing(what, asked, wordsOf(error));
    case "InvalidRequestException":
    case "EncryptionFailure":
      if (asked.secret === undefined) return undefined;
      return /delet/i.test(wordsOf(error)) ? deleted(what, secret) : refused(what, asked, error);
    case "InvalidParameterException":
    case "ValidationException":
      if (asked.secret === undefined) return undefined;
      return new DsoError("reference-invalid", `${what}: AWS takes no such name for ${action}`, {
        hint: "A name has letters, digits and /_+=.@- only.",
      });
    default:
      return undefined;
  }
}

function denied(provider: string, { action, secret }: Asked, isKey: boolean): DsoError {
  const grant = isKey ? "kms:Decrypt" : action;
  const message =
    secret === undefined
      ? `provider "${provider}" may not list its secrets`
      : `provider "${provider}" may not ${isKey ? "decrypt" : "read"} "${secret}"`;
  const on = isKey ? `the key of "${secret ?? "*"}"` : (secret ?? "*");
  return new DsoError("secret-denied", message, {
    hint: `Whoever asks needs a policy that allows ${grant} on ${on}.`,
  });
}

/** For one secret, whatever the reason: the others of its batch may fare better. */
function refused(what: string, { action }: Asked, error: unknown): DsoError {
  const told = `${nameOf(error)}${requestOf(error)}`;
  return new DsoError("secret-denied", `${what}: AWS refuses ${action} for it (${told})`, {
    hint: "Look at the secret in AWS: its key, and what replicates or manages it.",
  });
}

function missing(what: string, { pinned }: Asked, words: string): DsoError {
  if (pinned !== undefined) return versionGone(what, pinned);
  // The secret is there, and nothing was put into it.
  if (/staging label/.test(words)) return withoutValue(what);
  return new DsoError("secret-missing", `${what} does not exist`, {
    hint: "Write it: aws secretsmanager create-secret; or look at the region and the account.",
  });
}

export function versionGone(what: string, pinned: Version): DsoError {
  return new DsoError("secret-version-gone", `${what} has no version ${pinned} any more`, {
    hint: "Take another version: aws secretsmanager list-secret-version-ids tells which there are.",
  });
}

export function withoutValue(what: string): DsoError {
  return new DsoError("secret-empty", `${what} has no value yet`, {
    hint: "Give it one: aws secretsmanager put-secret-value.",
  });
}

export function deleted(what: string, secret: string): DsoError {
  return new DsoError("secret-missing", `${what} is scheduled for deletion`, {
    hint: `Bring it back: aws secretsmanager restore-secret --secret-id ${secret}.`,
  });
}

/** About whoever answers, or does not. */
export function serviceFault({ provider, address }: Account, error: unknown): DsoError {
  const where = `provider "${provider}" at ${address}`;
  const name = nameOf(error);
  const status = statusOf(error);
  if (THROTTLED.test(name) || status === 429) {
    return new DsoError("provider-throttled", `${where} takes no more requests for now`, {
      hint: "Ask less often: agent.watch.polling_interval; or let AWS raise the quota.",
    });
  }
  return new DsoError("provider-unreachable", `${where}: ${trouble(name, status, error)}`, {
    hint: isUntrusted(error)
      ? "Start dso with NODE_EXTRA_CA_CERTS, the file of the certificates to trust."
      : "Look at region and endpoint in dso.yaml, and at the network: what runs keeps what it has.",
  });
}

function trouble(name: string, status: number | undefined, error: unknown): string {
  if (name === "TimeoutError" && codeOf(error) !== "ECONNRESET") return "no answer in time";
  if (name === TOO_LARGE) return "its answer is larger than any of AWS";
  if (codeOf(error) !== "") return reasonOf(error);
  if (name === "SyntaxError") {
    return `what answers there (status ${status ?? "unknown"}) is not AWS: that was no JSON`;
  }
  const said = status === undefined ? "" : ` with ${status}`;
  return `the request failed${said} (${name}${requestOf(error)})`;
}

/** For the support of AWS: it finds the call by that. */
function requestOf(error: unknown): string {
  const id = metadataOf(error)?.requestId;
  return typeof id === "string" && /^[\w-]{1,64}$/.test(id) ? `, request ${id}` : "";
}

function statusOf(error: unknown): number | undefined {
  const status = metadataOf(error)?.httpStatusCode;
  return typeof status === "number" ? status : undefined;
}

interface Metadata {
  readonly httpStatusCode?: unknown;
  readonly requestId?: unknown;
}

function metadataOf(error: unknown): Metadata | undefined {
  return error instanceof Error && "$metadata" in error ? (error.$metadata as Metadata) : undefined;
}

/** It may come from a server: a name is letters and digits. */
export function nameOf(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  return /^[\w.]{1,80}$/.test(name) ? name : "unknown";
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : "";
}
