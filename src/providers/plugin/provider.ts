/** A plugin as one provider among others. */
import {
  type Clock,
  requestKey,
  type SecretData,
  type SecretProvider,
  type SecretRequest,
  type UNSUPPORTED,
} from "../../model/ports.ts";
import type { Version } from "../../model/version.ts";
import { answerEach, healthOf, REPLICA_LAG_MS } from "../answers.ts";
import type { Pace } from "../pace.ts";
import { askAbout, type Asking, type Told } from "./ask.ts";
import { type About, faultOf } from "./faults.ts";
import { createRestarts } from "./restarts.ts";
import { type Session, type SessionOptions, startSession } from "./session.ts";
import { dataOf, type ToldSecret, type ToldVersion, versionOf } from "./told.ts";
import { createWatches } from "./watches.ts";

export interface PluginOptions extends SessionOptions {
  readonly clock: Pick<Clock, "elapsed" | "sleep">;
  readonly pace: Pace;
}

/** Nothing is started before it is asked. */
export function createPluginProvider(options: PluginOptions): SecretProvider {
  const { provider, clock, pace } = options;
  const start = (signal: AbortSignal): Promise<Session> =>
    startSession(options, (path) => watches.changed(path), signal);
  const restarts = createRestarts(provider, start, clock);
  const watches = createWatches(provider, restarts, clock);
  const asking: Asking = {
    ...{ provider, session: restarts.current, seen: new Set() },
    lag: (signal) => clock.sleep(REPLICA_LAG_MS, signal),
  };
  return {
    name: provider,
    versions: async (requests, signal) => {
      await pace(signal);
      const told = await askAbout<ToldVersion>(asking, "versions", requests, signal);
      const understand = (request: SecretRequest): Version | typeof UNSUPPORTED => {
        const { said, words } = of(told, request);
        return versionOf(said, request, about(provider, request, words));
      };
      return answerEach(requests, understand, signal);
    },
    read: async (requests, signal) => {
      await pace(signal);
      const told = await askAbout<ToldSecret>(asking, "read", requests, signal);
      const understand = (request: SecretRequest): SecretData => {
        const { said, words } = of(told, request);
        return dataOf(said, request, about(provider, request, words));
      };
      return answerEach(requests, understand, signal);
    },
    watch: watches.watch,
    check: (signal) =>
      healthOf(async () => check(provider, await restarts.current(signal), signal)),
    close: restarts.close,
  };
}

function of<T>(told: ReadonlyMap<string, Told<T>>, request: SecretRequest): Told<T> {
  const found = told.get(requestKey(request));
  if (found === undefined) throw new Error(`nobody asked for ${requestKey(request)}`);
  return found;
}

function about(
  provider: string,
  { path }: SecretRequest,
  { clean }: Told<unknown>["words"],
): About {
  return { provider, path, clean };
}

async function check(provider: string, session: Session, signal: AbortSignal): Promise<void> {
  const reply = await session.call("check", undefined, signal);
  if ("error" in reply) throw faultOf(reply.error, { provider, clean: session.words.clean });
}
