/** A store without versions, whose values stand in for them: chosen in dso.yaml, because a plan then reads values. */
import { createHmac } from "node:crypto";
import { DsoError } from "../model/errors.ts";
import type { SecretData, SecretProvider, SecretRequest } from "../model/ports.ts";
import { requestKey } from "../model/ports.ts";
import type { Version } from "../model/version.ts";
import { dropUnused } from "./answers.ts";
import { answerFor } from "./versions.ts";

/** `key` keys the fingerprints: without it nobody can try guesses on one. Rejects as `provider` does. */
export function byValue(provider: SecretProvider, key: () => Promise<Buffer>): SecretProvider {
  const read = async (
    requests: readonly SecretRequest[],
    signal: AbortSignal,
  ): Promise<Answers> => {
    const hmacKey = await key();
    const newest = new Map(requests.map(({ path }) => [requestKey({ path }), { path }]));
    const found = await provider.read([...newest.values()], signal);
    const answers = requests.map((request): readonly [string, SecretData | DsoError] => {
      const answer = answerFor({ path: request.path }, found);
      if (answer instanceof DsoError) return [requestKey(request), answer];
      const version = fingerprint(hmacKey, request.path, answer);
      const isMeant = request.pinned === undefined || request.pinned === version;
      return [requestKey(request), isMeant ? { ...answer, version } : gone(provider.name, request)];
    });
    const used = dataIn(answers.map(([, answer]) => answer));
    dropUnused(dataIn(found.values()), new Set(used.flatMap(({ values }) => [...values.values()])));
    return new Map(answers);
  };
  return {
    ...provider,
    read,
    versions: async (requests, signal) => {
      const answers = [...(await read(requests, signal))];
      return new Map(answers.map(([name, answer]) => [name, versionOf(answer)]));
    },
  };
}

type Answers = ReadonlyMap<string, SecretData | DsoError>;

function dataIn(answers: Iterable<SecretData | DsoError>): readonly SecretData[] {
  return [...answers].flatMap((one) => (one instanceof DsoError ? [] : [one]));
}

/** Such a store has its newest value only. */
function gone(name: string, { path }: SecretRequest): DsoError {
  return new DsoError(
    "secret-version-gone",
    `secret "${name}:${path}" is another one now, and its provider keeps no older ones`,
    { hint: "Make a new plan." },
  );
}

function versionOf(answer: SecretData | DsoError): Version | DsoError {
  if (answer instanceof DsoError) return answer;
  dropUnused([answer], new Set());
  return answer.version;
}

/** 16 bytes in hex; lengths go in, so that no two secrets are written alike. */
function fingerprint(key: Buffer, path: string, { values }: SecretData): Version {
  const hash = createHmac("sha256", key);
  const add = (part: Buffer): void => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(part.length));
    hash.update(length).update(part);
  };
  add(Buffer.from(path));
  const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of sorted) {
    add(Buffer.from(name));
    add(value.reveal());
  }
  return hash.digest("hex").slice(0, 32);
}
