/** The agent's part in credentials that are issued for a time: it renews them, has them replaced, and gives them back. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { DsoError } from "../model/errors.ts";
import { requestKey } from "../model/ports.ts";
import { giveBackUnused, type Held, heldLeases, leasedProviders } from "../reconciler/leases.ts";
import { fault } from "./log.ts";
import { STIRRED, type Watch } from "./watch.ts";

/** So long at most until the next look: what is given back is told by nobody. */
const REGULAR_MS = 30_000;
const SOONEST_MS = 50;

/** What the last look has seen, for whoever wants to know what is new. */
interface Seen {
  /** By secret, the version that references are told. */
  told: ReadonlyMap<string, string>;
  held: ReadonlyMap<string, Held>;
  /** What is wrong, as it was told: once. */
  faults: ReadonlySet<string>;
}

/** Until `signal` aborts. Each store by itself: one that hangs keeps none of the others from being asked. */
export async function keepLeases(watch: Watch, signal: AbortSignal): Promise<void> {
  const stores = leasedProviders(watch.context.config);
  await Promise.all(stores.map((name) => keepStore(watch, name, signal)));
}

/** One that is away is asked again; meanwhile all stays as it is. */
async function keepStore(watch: Watch, name: string, signal: AbortSignal): Promise<void> {
  const seen: Seen = { told: new Map(), held: new Map(), faults: new Set() };
  for (let first = true; !signal.aborted; first = false) {
    const pause = new AbortController();
    // Whoever writes meanwhile, as a command of somebody does, is heard.
    const stirred = once(watch.leases, STIRRED, { signal: pause.signal }).catch(() => undefined);
    try {
      const nextAt = await look(watch, name, seen, first, signal);
      const ms = Math.min(nextAt - watch.context.clock.now(), REGULAR_MS);
      const within = AbortSignal.any([signal, pause.signal]);
      const slept = sleep(Math.max(ms, SOONEST_MS), undefined, { signal: within });
      await Promise.race([stirred, slept.catch(() => undefined)]);
    } catch (error) {
      unlessAborted(error, signal);
    } finally {
      pause.abort();
      await stirred;
    }
  }
}

function unlessAborted(error: unknown, signal: AbortSignal): void {
  if (!signal.aborted) throw error;
}

/** One look at all that it has issued; answers when the next one is due, ms since the epoch. */
async function look(
  watch: Watch,
  name: string,
  seen: Seen,
  first: boolean,
  signal: AbortSignal,
): Promise<number> {
  const { context } = watch;
  const faults: DsoError[] = [];
  let nextAt = Infinity;
  try {
    const tended = await (await context.providers.get(name)).leases?.tend(signal);
    faults.push(...(tended?.faults ?? []));
    nextAt = tended?.nextAt ?? Infinity;
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    faults.push(error);
  }
  try {
    const told = await toldNow(watch, name, signal);
    if (!first) await triggerChanged(watch, seen.told, told);
    seen.told = told;
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    faults.push(error);
  }
  const given = await giveBackUnused(context, [name], signal).catch((error: unknown) => {
    if (!(error instanceof DsoError)) throw error;
    return { ended: [], faults: [error] };
  });
  await tell(watch, name, seen, [...faults, ...given.faults]);
  return nextAt;
}

/** Rejects where that cannot be known now. */
async function toldNow(
  { context }: Watch,
  name: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const told = new Map<string, string>();
  const { held, faults } = await heldLeases(context, [name]);
  if (faults[0] !== undefined) throw faults[0];
  for (const { secret, lease } of held) {
    const request = { path: lease.path };
    const answers = await (await context.providers.get(name)).versions([request], signal);
    const version = answers.get(requestKey(request));
    if (typeof version === "string") told.set(secret, version);
  }
  return told;
}

/** What would be issued next is for whoever has the one before. */
async function triggerChanged(
  { context, queue, tracked }: Watch,
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): Promise<void> {
  const changed = [...now].filter(([secret, version]) => before.get(secret) !== version);
  if (changed.length === 0) return;
  const projects = await context.state.projects(() => undefined);
  for (const { name, secrets } of projects) {
    const uses = changed.some(([secret]) => secrets.includes(secret));
    if (uses && tracked.has(name)) queue.trigger(name, "secrets");
  }
}

async function tell(
  { board, context, log }: Watch,
  name: string,
  seen: Seen,
  faults: readonly DsoError[],
): Promise<void> {
  const messages = new Map(faults.map((error) => [error.message, error]));
  for (const [message, error] of messages) if (!seen.faults.has(message)) log(fault(error));
  seen.faults = new Set(messages.keys());
  if (faults[0] === undefined) board.leaseFaults.delete(name);
  else board.leaseFaults.set(name, faults[0]);
  const { held, faults: unread } = await heldLeases(context, [name]);
  // What is not known now was not given back.
  if (unread.length > 0) return;
  const now = new Map(held.map((one) => [`${one.secret} ${one.lease.version}`, one]));
  for (const [one, { lease }] of now) {
    const until = new Date(lease.expiresAt).toISOString();
    if (!seen.held.has(one)) log({ level: "info", msg: `Credentials ${one} are held`, until });
    else if (seen.held.get(one)?.lease.expiresAt !== lease.expiresAt) {
      log({ level: "debug", msg: `Credentials ${one} live on`, until });
    }
  }
  for (const one of seen.held.keys()) {
    if (!now.has(one)) log({ level: "info", msg: `Credentials ${one} were given back` });
  }
  seen.held = now;
}
