/** MiniStack with its policies in force: the APIs of AWS that the provider asks. */
import { createHash, createHmac } from "node:crypto";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { freePorts, startServer } from "./process.ts";

export interface Keys {
  readonly id: string;
  readonly secret: string;
}

export interface Ministack extends AsyncDisposable {
  readonly url: string;
  /** As root, in JSON: `secretsmanager.PutSecretValue`, `events.PutRule`, `sqs.CreateQueue`. */
  readonly root: (action: string, body?: object) => Promise<Readonly<Record<string, unknown>>>;
  /** As root, of the older APIs (`iam`, `sts`): the answer is XML. */
  readonly query: (service: string, params: Readonly<Record<string, string>>) => Promise<string>;
  /** A user of that policy's statements, and the keys. */
  readonly user: (name: string, statements: readonly object[]) => Promise<Keys>;
}

export const REGION = "eu-west-1";
const ROOT: Keys = { id: "test", secret: "test" };

export async function startMinistack(options: { readonly port?: number } = {}): Promise<Ministack> {
  const program = process.env["DSO_MINISTACK"];
  if (program === undefined)
    throw new Error("DSO_MINISTACK is not set: script/ministack prints it");
  const directory = await temporaryDirectory();
  const port = options.port ?? (await freePorts());
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    ...{ program, args: [] },
    environment: {
      ...{ HOME: directory.path, TMPDIR: directory.path, AUTH: "true" },
      ...{ BIND_HOST: "127.0.0.1", GATEWAY_PORT: String(port) },
    },
    isReady: async () => (await fetch(`${url}/_ministack/health`)).ok,
  });
  return {
    ...{ url, ...asRoot(url) },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const TARGETS: Readonly<Record<string, readonly [string, string]>> = {
  secretsmanager: ["secretsmanager", "1.1"],
  events: ["AWSEvents", "1.1"],
  sqs: ["AmazonSQS", "1.0"],
};

/** Both servers take the same root. */
export function asRoot(url: string): Pick<Ministack, "root" | "query" | "user"> {
  const root: Ministack["root"] = async (action, body = {}) => {
    const [service = "", operation = ""] = action.split(".");
    const [prefix = "", version = ""] = TARGETS[service] ?? [];
    const headers = {
      "content-type": `application/x-amz-json-${version}`,
      "x-amz-target": `${prefix}.${operation}`,
    };
    const answer = await send(url, service, headers, JSON.stringify(body));
    return (answer === "" ? {} : JSON.parse(answer)) as Readonly<Record<string, unknown>>;
  };
  const query: Ministack["query"] = (service, params) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return send(url, service, headers, new URLSearchParams(params).toString());
  };
  const user: Ministack["user"] = async (name, statements) => {
    await query("iam", { Action: "CreateUser", UserName: name });
    const PolicyDocument = policyOf(statements);
    await query("iam", {
      ...{ Action: "PutUserPolicy", UserName: name, PolicyName: "its", PolicyDocument },
    });
    const made = await query("iam", { Action: "CreateAccessKey", UserName: name });
    return { id: tagIn(made, "AccessKeyId"), secret: tagIn(made, "SecretAccessKey") };
  };
  return { root, query, user };
}

export function policyOf(Statement: readonly object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement });
}

export function tagIn(xml: string, tag: string): string {
  const [, found] = new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml) ?? [];
  if (found === undefined) throw new Error(`no ${tag} in ${xml}`);
  return found;
}

async function send(
  url: string,
  service: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<string> {
  const signed = signatureOf(new URL(url).host, service, headers, body);
  const response = await fetch(url, { method: "POST", headers: signed, body });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${JSON.stringify(headers)}: ${answer.slice(0, 500)}`);
  return answer;
}

/** Signature Version 4 of a POST to `/`. */
function signatureOf(
  host: string,
  service: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Readonly<Record<string, string>> {
  const date = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const day = date.slice(0, 8);
  const sent = { ...headers, "x-amz-date": date };
  const all = Object.entries({ ...sent, host }).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = all.map(([name]) => name);
  const lines = all.map(([name, value]) => `${name}:${value}\n`).join("");
  const asked = ["POST", "/", "", lines, names.join(";"), sha256(body)].join("\n");
  const scope = `${day}/${REGION}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", date, scope, sha256(asked)].join("\n");
  const key = [day, REGION, service, "aws4_request"].reduce<Buffer>(
    (before, part) => hmac(before, part),
    Buffer.from(`AWS4${ROOT.secret}`),
  );
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${ROOT.id}/${scope}, SignedHeaders=${names.join(";")}, Signature=${hmac(key, text).toString("hex")}`,
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
