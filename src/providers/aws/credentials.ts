/** With whose credentials AWS is asked, as dso.yaml has it. */
import type { SecretsManagerClientConfig } from "@aws-sdk/client-secrets-manager";
import { DsoError } from "../../model/errors.ts";
import type { Secret } from "../../model/secret.ts";
import type { Settings } from "../../model/settings.ts";
import { absent, credentialAt, type Opening, textAt } from "../opening.ts";
import { BOUNDED, SILENT } from "./bounded.ts";
import { codeOf, nameOf, serviceFault } from "./faults.ts";
import type * as sdk from "./sdk.ts";

export type Credentials = NonNullable<SecretsManagerClientConfig["credentials"]>;
type Identity = Exclude<Credentials, (...given: never) => unknown>;
type Provide = () => Promise<Identity>;

export interface AuthOptions {
  readonly opening: Opening;
  readonly auth: Settings;
  readonly region: string;
}

/** Reads files and variables anew each time that it is asked for. Rejects with `provider-auth`, or why nobody answers. */
export function credentialsOf(aws: typeof sdk, options: AuthOptions): Provide {
  const { auth, opening } = options;
  const own = told(options, ownCredentials(aws, options));
  const role = textAt(auth, "role_arn");
  if (role === undefined) return own;
  const endpoint = textAt(auth, "sts_endpoint");
  const externalId = textAt(auth, "external_id");
  const assumed = aws.fromTemporaryCredentials({
    masterCredentials: own,
    params: {
      RoleArn: role,
      RoleSessionName: textAt(auth, "session_name") ?? "dso",
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
    },
    clientConfig: { ...BOUNDED, region: options.region, ...(endpoint && { endpoint }) },
  });
  return told({ opening, auth, region: options.region }, assumed, role);
}

function ownCredentials(aws: typeof sdk, { auth, opening }: AuthOptions): Provide {
  // A file that is written anew is read anew.
  const shared = { ignoreCache: true, logger: SILENT, clientConfig: BOUNDED } as const;
  switch (methodOf(auth)) {
    case "static":
      return staticCredentials(opening, auth);
    case "sso": {
      const profile = textAt(auth, "profile");
      return aws.fromSSO({ ...shared, ...(profile === undefined ? {} : { profile }) });
    }
    default:
      return aws.fromNodeProviderChain(shared);
  }
}

function methodOf(auth: Settings): string {
  return textAt(auth, "method") ?? "iam";
}

function staticCredentials(opening: Opening, auth: Settings): Provide {
  const take = (secret: Secret): string => {
    const text = secret.reveal().toString();
    secret.drop();
    return text;
  };
  const required = (key: string): string => {
    const found = credentialAt(opening, auth, key);
    if (found !== undefined) return take(found);
    throw absent(opening, `auth: static needs ${key}, ${key}_env or ${key}_file`);
  };
  return async () => {
    const accessKeyId = required("access_key_id");
    const secretAccessKey = required("secret_access_key");
    const token = credentialAt(opening, auth, "session_token");
    return Promise.resolve({
      ...{ accessKeyId, secretAccessKey },
      ...(token === undefined ? {} : { sessionToken: take(token) }),
    });
  };
}

/** What goes wrong on the way to credentials is no denial of a secret. */
function told({ auth, opening }: AuthOptions, provide: Provide, role?: string): Provide {
  return async (...given) => {
    try {
      return await provide(...given);
    } catch (error) {
      if (error instanceof DsoError) throw error;
      throw credentialsFault(opening.name, auth, role, error);
    }
  };
}

const OF_SERVICE = /^(Throttl|TooManyRequests|TimeoutError$|InternalFailure|ServiceUnavailable)/;

function credentialsFault(
  provider: string,
  auth: Settings,
  role: string | undefined,
  error: unknown,
): DsoError {
  const name = nameOf(error);
  const hint = authHint(provider, auth);
  const isNetwork =
    error instanceof Error &&
    "syscall" in error &&
    /^(connect|getaddrinfo|read)$/.test(String(error.syscall));
  if (isNetwork || OF_SERVICE.test(name)) {
    const address = role === undefined ? "the source of its credentials" : "STS of its region";
    return serviceFault({ provider, address, authHint: hint }, error);
  }
  if (role !== undefined) {
    return new DsoError(
      "provider-auth",
      `provider "${provider}" may not assume ${role} (${name})`,
      {
        hint: "Let its trust policy name whoever asks, and grant them sts:AssumeRole on it; look at external_id.",
      },
    );
  }
  const message = `provider "${provider}" has no credentials: ${wordsOf(error)}`;
  return new DsoError("provider-auth", message, { hint });
}

const LONGEST = 200;

/** The SDK's own words alone: those of a program or a server may hold anything. */
function wordsOf(error: unknown): string {
  const isOwn = nameOf(error) === "CredentialsProviderError" && error instanceof Error;
  const isForeign = isOwn && /command failed|returned|<|\{/i.test(error.message);
  if (!isOwn || isForeign) return codeOf(error) || nameOf(error);
  return error.message.trim().replaceAll(/\s+/g, " ").slice(0, LONGEST);
}

/** What to set where they are refused. */
export function authHint(provider: string, auth: Settings): string {
  switch (methodOf(auth)) {
    case "static":
      return `Set access_key_id, secret_access_key and, if it has one, session_token of providers.${provider}.auth to a key that is valid.`;
    case "sso": {
      const profile = textAt(auth, "profile");
      return `Run: aws sso login${profile === undefined ? "" : ` --profile ${profile}`}.`;
    }
    default:
      return `Give this machine a role, set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write providers.${provider}.auth.`;
  }
}
