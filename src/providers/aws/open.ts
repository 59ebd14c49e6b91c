import type { SecretProvider } from "../../model/ports.ts";
import { type Opening, partAt, requiredText, textAt } from "../opening.ts";
import { createSecretsApi } from "./api.ts";
import { BOUNDED } from "./bounded.ts";
import { createCaller } from "./caller.ts";
import { type AuthOptions, authHint, credentialsOf } from "./credentials.ts";
import type { Account } from "./faults.ts";
import { createAwsProvider } from "./provider.ts";
import { createQueue, type Queue } from "./queue.ts";

/** Three attempts, and the waits between them. */
const DEADLINE_MS = 30_000;
/** A queue may be silent for 20 s. */
const SILENCE_MS = 25_000;

/** `deadlineMs`: for one call with all its attempts. Rejects with `config-invalid` for an address that is none. */
export function openAwsProvider(opening: Opening, deadlineMs = DEADLINE_MS): SecretProvider {
  const { name, settings, clock, pace } = opening;
  const auth = partAt(settings, "auth");
  const region = requiredText(settings, "region");
  const endpoint = textAt(settings, "endpoint");
  const account = {
    provider: name,
    address: endpoint ?? fromEnvironment(opening) ?? `Secrets Manager in ${region}`,
    authHint: authHint(name, auth),
  };
  const who: AuthOptions = { opening, auth, region };
  const caller = createCaller({
    account,
    deadlineMs,
    pace,
    open: async () => {
      const sdk = await import("./sdk.ts");
      const credentials = credentialsOf(sdk, who);
      const client = new sdk.SecretsManagerClient({
        ...{ ...BOUNDED, region, credentials },
        ...(endpoint !== undefined && { endpoint }),
      });
      return { sdk, client };
    },
  });
  const url = textAt(partAt(settings, "push"), "queue_url");
  return createAwsProvider({
    ...{ provider: name, clock, api: createSecretsApi(caller) },
    ...(url !== undefined && { queue: openQueue(who, account, url) }),
  });
}

/** As the SDK itself finds it. */
function fromEnvironment({ environment }: Opening): string | undefined {
  return environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"] ?? environment["AWS_ENDPOINT_URL"];
}

function openQueue(who: AuthOptions, account: Account, url: string): Queue {
  const caller = createCaller({
    account: { ...account, address: new URL(url).origin },
    deadlineMs: DEADLINE_MS + SILENCE_MS,
    pace: who.opening.pace,
    open: async () => {
      const aws = await import("./sdk.ts");
      const sdk = await aws.loadQueues();
      const credentials = credentialsOf(aws, who);
      const requestHandler = {
        ...{ ...BOUNDED.requestHandler, requestTimeout: SILENCE_MS, socketTimeout: SILENCE_MS },
      };
      const endpoint = new URL(url).origin;
      const region = /\bsqs\.([a-z0-9-]+)\./.exec(url)?.[1] ?? who.region;
      return {
        sdk,
        client: new sdk.SQSClient({ ...BOUNDED, requestHandler, region, endpoint, credentials }),
      };
    },
  });
  return createQueue(caller, url);
}
