/** A MiniStack with users of few rights, and providers that ask it through a proxy that counts. */
import type { SecretProvider } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import type { Settings } from "../../src/model/settings.ts";
import { openAwsProvider } from "../../src/providers/aws/open.ts";
import { type FaultProxy, startFaultProxy } from "./faultProxy.ts";
import { unhurried } from "../fakes/time.ts";
import { type Keys, type Ministack, REGION, startMinistack } from "./ministack.ts";

const allow = (actions: readonly string[], resource = "*"): object => ({
  ...{ Effect: "Allow", Resource: resource },
  Action: actions.map((action) => `secretsmanager:${action}`),
});

/** What a plan needs, and what a delivery needs besides. */
export const METADATA = allow(["ListSecrets", "DescribeSecret", "ListSecretVersionIds"]);
export const VALUES = allow(["GetSecretValue", "BatchGetSecretValue"]);
export { allow };

export interface AwsScene extends AsyncDisposable {
  readonly aws: Ministack;
  readonly proxy: FaultProxy;
  readonly open: (auth: Settings, more?: Settings) => SecretProvider;
  readonly as: (user: string, statements: readonly object[]) => Promise<SecretProvider>;
  /** A new value, and its VersionId. */
  readonly put: (name: string, value: string | Uint8Array) => Promise<string>;
  /** At once and for ever; what is not there is so already. */
  readonly remove: (name: string) => Promise<unknown>;
  /** The operations that were asked since the last time. */
  readonly asked: () => readonly string[];
}

export async function startAws(): Promise<AwsScene> {
  const aws = await startMinistack();
  const proxy = await startFaultProxy({ upstream: aws.url });
  let counted = 0;
  const open: AwsScene["open"] = (auth, more = {}) => {
    const settings = { region: REGION, endpoint: proxy.url, auth, ...more };
    return openAwsProvider({
      name: "aws",
      settings,
      environment: {},
      directory: "/",
      ...unhurried,
    });
  };
  return {
    ...{ aws, proxy, open },
    as: async (user, statements) => open(keysAuth(await aws.user(user, statements))),
    put: (name, value) => putSecret(aws, name, value),
    remove: (name) => removeSecret(aws, name),
    asked() {
      const seen = proxy.seen.slice(counted);
      counted = proxy.seen.length;
      return seen.map(({ headers }) => String(headers["x-amz-target"]).split(".")[1] ?? "");
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await aws[Symbol.asyncDispose]();
    },
  };
}

export function keysAuth({ id, secret }: Keys): Settings {
  const secret_access_key = new Secret(Buffer.from(secret));
  return { method: "static", access_key_id: id, secret_access_key };
}

export const ROOT_AUTH = keysAuth({ id: "test", secret: "test" });

/** As text where it is some, else as binary. */
export function putBytes(
  aws: Pick<Ministack, "root">,
  name: string,
  value: Uint8Array,
): Promise<string> {
  const bytes = Buffer.from(value);
  const isText = Buffer.from(bytes.toString()).equals(bytes);
  return putSecret(aws, name, isText ? bytes.toString() : bytes);
}

/** At once and for ever; what is not there is so already. */
export async function removeSecret(
  { root }: Pick<Ministack, "root">,
  SecretId: string,
): Promise<void> {
  const body = { SecretId, ForceDeleteWithoutRecovery: true };
  await root("secretsmanager.DeleteSecret", body).catch((error: unknown) => {
    if (!String(error).includes("ResourceNotFound")) throw error;
  });
}

export async function putSecret(
  { root }: Pick<Ministack, "root">,
  name: string,
  value: string | Uint8Array,
): Promise<string> {
  const given =
    typeof value === "string"
      ? { SecretString: value }
      : { SecretBinary: Buffer.from(value).toString("base64") };
  const put = (): Promise<Readonly<Record<string, unknown>>> =>
    root("secretsmanager.PutSecretValue", { SecretId: name, ...given });
  const made = await put().catch((error: unknown) => {
    if (!String(error).includes("ResourceNotFound")) throw error;
    return root("secretsmanager.CreateSecret", { Name: name, ...given });
  });
  return String(made["VersionId"]);
}
