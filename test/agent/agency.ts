/** An agent at work on a fake engine: files, secrets and containers that a test changes. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { runAgent } from "../../src/agent/agent.ts";
import { findAgent } from "../../src/agent/client.ts";
import type { Controls } from "../../src/agent/control.ts";
import type { LogRecord } from "../../src/agent/log.ts";
import { runProgram } from "../../src/cli/program.ts";
import { snapshotOf } from "../../src/sources/snapshot.ts";
import { readConfig } from "../../src/config/load.ts";
import type { Context } from "../../src/reconciler/context.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { Engine } from "../../src/model/ports.ts";
import { createFakeSession } from "../fakes/session.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never, type World } from "../reconciler/world.ts";

export interface Agency extends World {
  readonly directory: string;
  readonly records: LogRecord[];
  readonly write: (file: string, text: string) => Promise<void>;
  /** A new version of the secret `db`, and the vault's file as if it were there. */
  readonly rotate: (password: string) => Promise<void>;
  /** Runs the program in the directory; answers its exit code and all that it has said. */
  readonly dso: (...words: readonly string[]) => Promise<readonly [number, string]>;
  readonly control: () => Promise<Controls>;
  /** The engine goes away: calls fail and the events end. */
  readonly loseEngine: () => void;
  readonly returnEngine: () => void;
  /** Starts it, unless it was started; resolves when it knows its projects. `meanwhile`: once dso.yaml is read. */
  readonly start: (meanwhile?: () => Promise<void>) => Promise<void>;
  /** Resolves when it has ended; rejects with what ended it. */
  readonly stop: () => Promise<void>;
  readonly connect: () => Promise<Context>;
}

export const COMPOSE = `
name: shop
services:
  web: { image: "app:1", environment: { MODE: a, PASSWORD: "dso://db#password" }, x-dso: { env: exposed } }
`;
/** Nothing is waited for longer than a test needs. */
export const QUICK = "agent: { watch: { debounce_window: 20ms, polling_interval: 1h } }\n";

/** Until it is so; the test's own time limit ends it otherwise. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Applied once, with an agent that looks after it. */
export async function withAgent(work: (agency: Agency) => Promise<void>): Promise<void> {
  await withAgency(async (agency) => {
    const [code, said] = await agency.dso("up", "-d");
    expect([code, said]).toEqual([0, expect.stringContaining("Apply complete")]);
    await agency.start();
    await work(agency);
  });
}

/** The same without an agent, and nothing applied. */
export async function withAgency(work: (agency: Agency) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const engineId = randomBytes(8).toString("hex");
  const outage = createOutage(engineId);
  const world = await createWorld(directory.path, outage.around);
  world.engine.addImage("app:1");
  world.engine.addImage("app:2");
  world.engine.addImage("broken:1", { exits: { code: 3 } });
  const agency = agencyOf(directory.path, world, outage);
  await agency.write("compose.yaml", COMPOSE);
  await agency.write("dso.yaml", QUICK);
  await agency.write("vault.enc", "0");
  try {
    await work(agency);
  } finally {
    await agency.stop();
  }
}

function agencyOf(directory: string, world: World, outage: Outage): Agency {
  const records: LogRecord[] = [];
  const stop = new AbortController();
  let ended: Promise<void> | undefined;
  let version = 0;
  const write = (file: string, text: string): Promise<void> =>
    writeFile(join(directory, file), text);
  const places = ["dso.yaml", "elsewhere.yaml"].map((name) => join(directory, name));
  const connect = async (): Promise<Context> => ({
    ...world.context,
    configPlaces: snapshotOf(places),
    config: await readConfig(places.find(existsSync), never),
  });
  const control = async (): Promise<Controls> => {
    const found = await findAgent(world.context.paths.agentSocket, never);
    if (found === undefined) throw new Error("no agent listens");
    return found;
  };
  return {
    ...{ ...world, directory, records, write, connect, control },
    ...{ loseEngine: outage.begin, returnEngine: outage.end },
    rotate: async (password) => {
      world.secrets["db"]?.push({ password, user: "u" });
      await write("vault.enc", `${++version}`);
    },
    dso: async (...words) => {
      const session = createFakeSession({ cwd: directory, connect });
      try {
        const code = await runProgram(words, session);
        return [code, session.written.output() + session.written.error()];
      } catch (error) {
        if (!(error instanceof DsoError)) throw error;
        return [1, `${error.message} ${error.hint ?? ""}`];
      }
    },
    start: async (meanwhile) => {
      let begun = false;
      const read = async (): Promise<Context> => {
        const context = await connect();
        if (!begun) await meanwhile?.();
        begun = true;
        return context;
      };
      const log = (record: LogRecord): void => void records.push(record);
      ended ??= runAgent({ connect: read, log, signal: stop.signal, force: never });
      const listens = async (): Promise<boolean> =>
        (await findAgent(world.context.paths.agentSocket, never)) !== undefined;
      await Promise.race([ended, until(listens)]);
    },
    stop: async () => {
      stop.abort();
      await ended;
    },
  };
}

interface Outage {
  readonly around: (engine: Engine) => Engine;
  readonly begin: () => void;
  readonly end: () => void;
}

function createOutage(engineId: string): Outage {
  let away = false;
  let cut = new AbortController();
  const gone = new DsoError("engine-unreachable", "no Docker engine");
  return {
    begin: () => {
      away = true;
      cut.abort();
      cut = new AbortController();
    },
    end: () => (away = false),
    around: (engine) => ({
      ...engine,
      info: async (signal) => {
        if (away) throw gone;
        return { ...(await engine.info(signal)), id: engineId };
      },
      listProject: (project, signal) =>
        away ? Promise.reject(gone) : engine.listProject(project, signal),
      events: (options, signal) => engine.events(options, AbortSignal.any([signal, cut.signal])),
    }),
  };
}
