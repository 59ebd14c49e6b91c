/** The calls of AWS Secrets Manager that are needed, in our words. */
import type {
  GetSecretValueResponse,
  ListSecretsRequest,
  SecretListEntry,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { Secret } from "../../model/secret.ts";
import type { Version } from "../../model/version.ts";
import { valuesOfText } from "../jsonValues.ts";
import { DEFAULT_KEY } from "../selectKey.ts";
import type { Caller } from "./caller.ts";
import type { SecretEntry } from "./metadata.ts";
import type * as sdk from "./sdk.ts";

/** A value as it came. The caller drops it. */
export interface FoundValue {
  readonly name: string;
  readonly arn: string;
  readonly version: Version;
  readonly values: ReadonlyMap<string, Secret>;
}

export interface Page {
  readonly entries: readonly SecretEntry[];
  /** What brings the next one; undefined at the end. */
  readonly next: string | undefined;
}

/** Each call rejects with a DsoError about the secret or the store, or with the signal's reason. */
export interface SecretsApi {
  /** Of the secrets whose names begin with one of `prefixes`, at most ten; of all where there is none. No value. */
  list(prefixes: readonly string[], next: string | undefined, signal: AbortSignal): Promise<Page>;
  /** By name or ARN. No value. */
  describe(id: string, signal: AbortSignal): Promise<SecretEntry>;
  /** Whether that version is there, be it without a stage. No value. */
  hasVersion(id: string, version: Version, signal: AbortSignal): Promise<boolean>;
  /** `wanted`: a VersionId, or the name of a stage; absent: the current one. */
  get(id: string, wanted: string | undefined, signal: AbortSignal): Promise<FoundValue>;
  /** The current values of at most twenty; those that cannot be read are left out. */
  getSome(ids: readonly string[], signal: AbortSignal): Promise<readonly FoundValue[]>;
  /** Resolves where the service answers. */
  ping(signal: AbortSignal): Promise<unknown>;
  close(): void;
}

/** Of one request: AWS takes no more. */
export const MOST_PREFIXES = 10;
export const MOST_VALUES = 20;
const PAGE = 100;

export interface SecretsService {
  readonly sdk: typeof sdk;
  readonly client: SecretsManagerClient;
}

export function createSecretsApi(caller: Caller<SecretsService>): SecretsApi {
  return { ...listCalls(caller), ...metadataCalls(caller), ...valueCalls(caller) };
}

function listCalls(caller: Caller<SecretsService>): Pick<SecretsApi, "list" | "ping" | "close"> {
  const list = async (input: ListSecretsRequest, signal: AbortSignal): Promise<Page> => {
    const { SecretList, NextToken } = await caller.call(
      { action: "secretsmanager:ListSecrets" },
      (service, options) => service.client.send(new service.sdk.ListSecretsCommand(input), options),
      signal,
    );
    const entries = (SecretList ?? []).map((one) => entryOf(one, one.SecretVersionsToStages));
    return { entries, next: NextToken };
  };
  return {
    list: (prefixes, next, signal) =>
      list(
        {
          ...{ MaxResults: PAGE, NextToken: next },
          ...(prefixes.length > 0 && { Filters: [{ Key: "name", Values: [...prefixes] }] }),
        },
        signal,
      ),
    ping: (signal) => list({ MaxResults: 1 }, signal),
    close: () => caller.close(),
  };
}

function metadataCalls(
  caller: Caller<SecretsService>,
): Pick<SecretsApi, "describe" | "hasVersion"> {
  return {
    async describe(id, signal) {
      const found = await caller.call(
        { action: "secretsmanager:DescribeSecret", secret: id },
        ({ client, sdk }, options) =>
          client.send(new sdk.DescribeSecretCommand({ SecretId: id }), options),
        signal,
      );
      return entryOf(found, found.VersionIdsToStages);
    },
    async hasVersion(id, version, signal) {
      const asked = { action: "secretsmanager:ListSecretVersionIds", secret: id };
      let next: string | undefined;
      do {
        const input = { SecretId: id, IncludeDeprecated: true, MaxResults: PAGE, NextToken: next };
        const page = await caller.call(
          asked,
          ({ client, sdk }, options) =>
            client.send(new sdk.ListSecretVersionIdsCommand(input), options),
          signal,
        );
        if (page.Versions?.some(({ VersionId }) => VersionId === version)) return true;
        next = page.NextToken;
      } while (next !== undefined);
      return false;
    },
  };
}

function valueCalls(caller: Caller<SecretsService>): Pick<SecretsApi, "get" | "getSome"> {
  return {
    async get(id, wanted, signal) {
      const which =
        wanted !== undefined && isVersionId(wanted)
          ? { VersionId: wanted }
          : { VersionStage: wanted };
      const found = await caller.call(
        {
          ...{ action: "secretsmanager:GetSecretValue", secret: id },
          ...(wanted !== undefined && { pinned: wanted }),
        },
        ({ client, sdk }, options) =>
          client.send(new sdk.GetSecretValueCommand({ SecretId: id, ...which }), options),
        signal,
      );
      return valueOf(found);
    },
    async getSome(ids, signal) {
      const { SecretValues = [] } = await caller.call(
        { action: "secretsmanager:BatchGetSecretValue" },
        ({ client, sdk }, options) =>
          client.send(new sdk.BatchGetSecretValueCommand({ SecretIdList: [...ids] }), options),
        signal,
      );
      return SecretValues.map(valueOf);
    },
  };
}

/** A VersionId has at least 32 signs, AWS's own stages have fewer. */
export function isVersionId(wanted: Version): boolean {
  return wanted.length >= 32;
}

function entryOf(
  { Name = "", ARN = "", DeletedDate }: Pick<SecretListEntry, "Name" | "ARN" | "DeletedDate">,
  stages: Readonly<Record<string, string[]>> = {},
): SecretEntry {
  return {
    ...{ name: Name, arn: ARN, isDeleted: DeletedDate !== undefined },
    stages: new Map(Object.entries(stages)),
  };
}

/** Into buffers at once; what the SDK made of the answer meanwhile is left to the collector. */
function valueOf({
  Name = "",
  ARN = "",
  VersionId = "",
  SecretString,
  SecretBinary,
}: GetSecretValueResponse): FoundValue {
  const found = { name: Name, arn: ARN, version: VersionId };
  if (SecretString !== undefined) return { ...found, values: valuesOfText(SecretString) };
  const { buffer, byteOffset, byteLength } = SecretBinary ?? new Uint8Array();
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  return { ...found, values: new Map([[DEFAULT_KEY, new Secret(bytes)]]) };
}
