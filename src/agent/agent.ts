/** The daemon: one session after the other, until it is told to stop. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensurePrivateDirectory } from "../lib/files.ts";
import { acquireLock } from "../lib/lock.ts";
import { type Snapshot, snapshotOf } from "../sources/snapshot.ts";
import type { Config } from "../config/types.ts";
import { DsoError } from "../model/errors.ts";
import type { Context } from "../reconciler/context.ts";
import { type Claim, claimEngine } from "./beacon.ts";
import { LONGEST_MS, pauseMs } from "./backOff.ts";
import { type Board, createBoard } from "./board.ts";
import { type Controls, serveControls } from "./control.ts";
import { fault, type Log } from "./log.ts";
import { watchOver } from "./session.ts";
import { storesOf } from "./stores.ts";
import type { Ending } from "./watch.ts";

export interface AgentOptions {
  /** Reads dso.yaml anew and opens everything; `before`: what was open until now. */
  readonly connect: (before?: Context) => Promise<Context>;
  readonly log: Log;
  /** Aborted once: finish the step, or give it back, and end. */
  readonly signal: AbortSignal;
  /** Aborted then: end at once. */
  readonly force: AbortSignal;
}

/** What is in front of an engine that is away refuses in its place. */
const AWAY: ReadonlySet<string> = new Set(["engine-unreachable", "engine-refused"]);
/** Whoever asks whether an agent is there takes no answer for none soon after. */
const SOON_MS = 1500;

/**
 * Looks after the projects until `signal` aborts. Rejects with `locked` where another agent looks after
 * this engine, or uses this home, and with `config-invalid` where dso.yaml makes no sense to begin with.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { connect, log } = options;
  let context = await connect();
  const { locksDir, stateDir, agentSocket } = context.paths;
  ensurePrivateDirectory(stateDir);
  const lock = await acquireLock(
    join(locksDir, "agent.lock"),
    { operation: "agent", timeoutMs: 0 },
    options.signal,
  );
  const signal = AbortSignal.any([options.signal, lock.signal]);
  const board = createBoard();
  const control = await serveControls(
    agentSocket,
    controlsOf(() => context, board),
  );
  log({ level: "info", msg: "Agent started", version: context.version, pid: process.pid });
  try {
    for (let failures = 0; !signal.aborted;) {
      const begun = performance.now();
      const ending = await watchOnce({ ...options, signal }, context, board);
      const lasted = performance.now() - begun > LONGEST_MS;
      failures = ending !== "engine-lost" ? 0 : lasted ? 1 : failures + 1;
      if (ending === "stopped") break;
      await pause(failures, signal);
      context = await reconnect(options, context);
    }
  } finally {
    await control.close();
    await close(context);
    await lock.release();
    log({ level: "info", msg: "Agent stopped" });
  }
}

/** One engine, from its first answer to its last. */
async function watchOnce(options: AgentOptions, context: Context, board: Board): Promise<Ending> {
  const { log, signal, force } = options;
  let claim: Claim | undefined;
  try {
    const { id, version, endpoint } = await context.engine.info(signal);
    claim = await claimEngine(id, { who: context.who, home: context.paths.home });
    log({ level: "info", msg: "Engine connected", endpoint, engine_version: version });
    const ending = await watchOver({ context, board, log, signal, force });
    if (ending === "engine-lost") {
      board.lost("The connection to the engine ended.");
      log({ level: "warn", msg: "Engine lost; it is asked again", endpoint });
    }
    return ending;
  } catch (error) {
    if (signal.aborted) return "stopped";
    if (!(error instanceof DsoError) || !AWAY.has(error.code)) throw error;
    board.lost(error.message);
    log(fault(error));
    return "engine-lost";
  } finally {
    await claim?.release();
  }
}

/** Longer from one failure to the next, and never the same for all. */
async function pause(failures: number, signal: AbortSignal): Promise<void> {
  if (failures === 0) return;
  await sleep(pauseMs(failures, Math.random()), undefined, { signal }).catch(() => undefined);
}

/** With a dso.yaml that makes no sense the agent goes on as before: what it says is told. */
async function reconnect({ connect, log }: AgentOptions, before: Context): Promise<Context> {
  const configPlaces = snapshotOf(before.configPlaces.keys());
  try {
    if (isGone(before.config, configPlaces)) {
      const msg = `${before.config.file ?? ""} is empty or gone: what it said holds on`;
      log({ level: "warn", msg, code: "config-gone" });
      return { ...before, configPlaces };
    }
    const next = await connect(before);
    await close(before);
    return next;
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    log(fault(error));
    return { ...before, configPlaces };
  }
}

/** As while somebody writes it, or moves it away; taken at its word, it would lift all policies. */
function isGone({ file }: Config, places: Snapshot): boolean {
  const says = (file: string): boolean =>
    (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
  return file !== undefined && ![...places.keys()].some(says);
}

async function close({ engine, providers }: Context): Promise<void> {
  await Promise.all([engine.close(), providers.close()]);
}

function controlsOf(current: () => Context, board: Board): Controls {
  const startedAt = new Date().toISOString();
  return {
    status: async () => {
      await Promise.race([board.known(), sleep(SOON_MS, undefined, { ref: false })]);
      const { version, cache } = current();
      return { pid: process.pid, version, startedAt, ...storesOf(cache), ...board.view() };
    },
    reconcile: (project, again, tell) => board.reconcile(project, again, tell),
    hold: async (project, who, why) => {
      await board.known();
      const { state, clock } = current();
      const known = (): ReturnType<Board["view"]>["projects"][number] | undefined =>
        board.view().projects.find(({ name }) => name === project);
      // One that dso.yaml names is applied by us, though nobody has done that yet.
      if (known() === undefined && (await state.registered(project)) === undefined) {
        throw board.unknown(project);
      }
      await state.setHold(project, { since: new Date(clock.now()).toISOString(), who, why });
      return { busy: known()?.dueInMs === 0 };
    },
    // The file that goes is heard of, like any other.
    resume: (project) => current().state.setHold(project, undefined),
  };
}
