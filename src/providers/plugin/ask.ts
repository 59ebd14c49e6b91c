/** Batches of secrets in calls of a size that a slow store can answer in time. */
import { requestKey, type SecretRequest } from "../../model/ports.ts";
import { isGone } from "../answers.ts";
import type { Failure } from "./calls.ts";
import { broken, faultOf } from "./faults.ts";
import type { Session } from "./session.ts";
import { bytesIn, type ToldSecret } from "./told.ts";
import type { Words } from "./words.ts";

/** Four of the largest values there may be are still one line. */
const AT_ONCE = { versions: 50, read: 4 } as const;

export interface Asking {
  readonly provider: string;
  readonly session: (signal: AbortSignal) => Promise<Session>;
  /** Paths that were there. */
  readonly seen: Set<string>;
  /** A replica of the store may not have yet what its leader has. */
  readonly lag: (signal: AbortSignal) => Promise<void>;
}

export interface Told<T> {
  /** As the schema has accepted it. */
  readonly said: T;
  /** Of the run that has said it. */
  readonly words: Words;
}

/** What is told of each request, keyed as answers are. Rejects where a call fails as a whole. */
export async function askAbout<T>(
  asking: Asking,
  method: "versions" | "read",
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Told<T>>> {
  const told = new Map<string, Told<T>>();
  const askAll = async (some: readonly SecretRequest[]): Promise<void> => {
    for (const round of roundsOf(some, AT_ONCE[method])) {
      for (const [key, one] of await askRound<T>(asking, method, round, signal)) told.set(key, one);
    }
  };
  await askAll(requests);
  const wasThere = requests.filter(
    (request) =>
      asking.seen.has(request.path) &&
      isGone(failureIn(told.get(requestKey(request))?.said)?.data?.code),
  );
  if (wasThere.length > 0) {
    await asking.lag(signal);
    await askAll(wasThere);
  }
  for (const request of requests) {
    if (failureIn(told.get(requestKey(request))?.said) === undefined) asking.seen.add(request.path);
  }
  return told;
}

/** No two requests of one path are in one call: answers are told by path. */
function roundsOf(
  requests: readonly SecretRequest[],
  size: number,
): readonly (readonly SecretRequest[])[] {
  const rounds: SecretRequest[][] = [];
  for (const request of requests) {
    const fits = rounds.find(
      (round) => round.length < size && !round.some(({ path }) => path === request.path),
    );
    if (fits === undefined) rounds.push([request]);
    else fits.push(request);
  }
  return rounds;
}

async function askRound<T>(
  { provider, session: open }: Asking,
  method: "versions" | "read",
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<readonly (readonly [string, Told<T>])[]> {
  const session = await open(signal);
  const { words } = session;
  const secrets = requests.map(({ path, pinned }) => ({
    path,
    ...(pinned && { version: pinned }),
  }));
  const reply = await session.call(method, { secrets }, signal);
  if ("error" in reply) throw faultOf(reply.error, { provider, clean: words.clean });
  const fault = session.faultIn(method, reply.result);
  if (fault !== undefined) {
    throw broken(provider, `answers "${method}" with something else: ${fault}`, "");
  }
  const found = (reply.result as { readonly secrets: Readonly<Record<string, T>> }).secrets;
  if (method === "read") learn(words, Object.values(found) as readonly ToldSecret[]);
  return requests.map((request) => {
    if (!Object.hasOwn(found, request.path)) {
      throw broken(provider, `says nothing about "${request.path}"`, "");
    }
    return [requestKey(request), { said: found[request.path] as T, words }] as const;
  });
}

/** Before any of its words are shown: what it says of one secret may repeat the value of another. */
function learn(words: Words, told: readonly ToldSecret[]): void {
  const values = told.flatMap(bytesIn);
  words.learn(values);
  for (const value of values) value.drop();
}

function failureIn(told: unknown): Failure | undefined {
  const isFailure = typeof told === "object" && told !== null && "error" in told;
  return isFailure ? (told.error as Failure) : undefined;
}
