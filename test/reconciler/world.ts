/** The whole loop on a fake engine: files and secrets that a test changes, and nothing else outside. */
import { join } from "node:path";
import type { Outcome } from "../../src/apply/context.ts";
import { readConfig } from "../../src/config/load.ts";
import { localPaths } from "../../src/config/paths.ts";
import type { Delivery, DeliveryRequest } from "../../src/model/delivery.ts";
import type { Desired } from "../../src/model/desired.ts";
import type { DsoEvent } from "../../src/model/events.ts";
import type { Rotation } from "../../src/model/journal.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from "../../src/model/plan.ts";
import type { Clock, Engine } from "../../src/model/ports.ts";
import { createProviders } from "../../src/providers/registry.ts";
import type { Context } from "../../src/reconciler/context.ts";
import { apply, open, type Opened, plan, type Run } from "../../src/reconciler/reconcile.ts";
import type { ProjectRequest } from "../../src/reconciler/request.ts";
import { createStateFiles } from "../../src/reconciler/stateFiles.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import {
  countingRandom,
  fakeAddresses,
  fakeDelivery,
  fakeJournal,
  fakeShim,
} from "../apply/ports.ts";
import { createFakeEngine, type FakeEngine } from "../fakes/engine.ts";
import { type FakePrograms, fakePrograms } from "../fakes/programs.ts";
import { createFakeProvider } from "../fakes/provider.ts";

export const never = new AbortController().signal;

export interface World {
  readonly context: Context;
  readonly engine: FakeEngine;
  /** Path to its versions, oldest first; a test pushes the next one. */
  readonly secrets: Record<string, Record<string, string | Uint8Array>[]>;
  /** Of the process, for `${…}`. */
  readonly variables: Record<string, string>;
  readonly generations: Map<string, DeliveryRequest>;
  readonly rotations: Map<string, Rotation>;
  readonly events: DsoEvent[];
  readonly programs: FakePrograms;
  /** Milliseconds by which the clock goes on. */
  readonly pass: (ms: number) => void;
  readonly plan: (compose: string, options?: Partial<PlanOptions>) => Promise<Run>;
  readonly apply: (run: Run) => Promise<Outcome>;
  /** Plans and applies; throws what failed. */
  readonly converge: (compose: string, options?: Partial<PlanOptions>) => Promise<Run>;
}

/** `directory` holds what is remembered; `outside` may stand between the loop and the engine. */
export async function createWorld(
  directory: string,
  outside: (engine: Engine) => Engine = (engine) => engine,
): Promise<World> {
  let now = Date.UTC(2026, 0, 1);
  const clock: Clock = {
    now: () => now,
    elapsed: () => now,
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      now += ms;
      return Promise.resolve();
    },
  };
  const generations = new Map<string, DeliveryRequest>();
  const rotations = new Map<string, Rotation>();
  const events: DsoEvent[] = [];
  const secrets: World["secrets"] = { db: [{ password: "one", user: "u" }], api: [{ value: "k" }] };
  const variables: Record<string, string> = {};
  const engine = createFakeEngine({
    now: () => now,
    pathExists: (path) => !path.startsWith("/memory/") || generations.has(path.split("/")[2] ?? ""),
  });
  const paths = localPaths({ DSO_HOME: directory }, directory);
  const provider = createFakeProvider("local", secrets);
  const programs = fakePrograms();
  const context: Context = {
    config: await readConfig(undefined, never),
    configPlaces: new Map(),
    paths,
    engine: outside(engine),
    builder: {
      build: async ({ tag }) => {
        engine.addImage(tag);
        return Promise.resolve();
      },
    },
    delivery: remembering(fakeDelivery(generations), generations),
    shim: fakeShim(),
    cache: undefined,
    providers: createProviders(new Map([["local", () => Promise.resolve(provider)]]), "local"),
    journal: fakeJournal(rotations),
    addresses: fakeAddresses(),
    state: createStateFiles(paths.stateDir),
    clock,
    sockets: { inbound: () => Promise.resolve(0) },
    random: countingRandom(1),
    proxies: () => Promise.resolve({}),
    programs,
    environment: variables,
    home: directory,
    version: "4.0.0",
    vault: { ...paths, lockFile: join(paths.locksDir, "vault.lock"), clock, who: "me@here" },
    openVault: () => Promise.reject(new Error("these projects have a provider of their own")),
    who: "me@here (pid 1)",
  };
  return {
    context,
    engine,
    secrets,
    variables,
    generations,
    rotations,
    events,
    programs,
    ...verbs(context, events),
    pass: (ms) => void (now += ms),
  };
}

function verbs(context: Context, events: DsoEvent[]): Pick<World, "plan" | "apply" | "converge"> {
  const report = (event: DsoEvent): void => void events.push(event);
  const world: Pick<World, "plan" | "apply" | "converge"> = {
    plan: async (compose, options = {}) => {
      const request = requestOf(compose);
      const all = { ...DEFAULT_PLAN_OPTIONS, ...options };
      return plan(context, request, await open(context, request, never), all, report, never);
    },
    apply: (run) => apply(context, run, { parallelism: 4, force: never, report }, never),
    converge: async (compose, options) => {
      const run = await world.plan(compose, options);
      const { failed } = await world.apply(run);
      const [first] = failed;
      if (first !== undefined) throw first.error;
      return run;
    },
  };
  return world;
}

/** A world in which the project is applied; its image is `app:1`. */
export async function withConverged(
  compose: string,
  work: (world: World) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1");
  await world.converge(compose);
  await work(world);
}

/** What is known already, as if it were yet to be loaded. */
export function opened(desired: Desired): Opened {
  return { name: desired.project.name, trace: undefined, load: () => Promise.resolve(desired) };
}

/** A project named `shop` whose file comes through standard input. */
export function requestOf(compose: string): ProjectRequest {
  return {
    ...{ cwd: "/srv/shop", files: ["-"], stdin: compose, projectName: "shop" },
    ...{ projectDirectory: undefined, profiles: undefined, environmentFiles: [] },
    ...{ variables: undefined, services: [] },
  };
}

/** Tells what was delivered, as the directories in memory do. */
function remembering(
  delivery: Delivery,
  generations: ReadonlyMap<string, DeliveryRequest>,
): Delivery {
  return {
    ...delivery,
    manifest: async (id) => {
      const request = generations.get(id);
      if (request === undefined) return Promise.resolve(undefined);
      const { project, service, number, versions } = request;
      const createdAt = "2026-01-01T00:00:00Z";
      const manifest = {
        v: 1,
        generation: id,
        project,
        service,
        number,
        createdAt,
        versions,
      } as const;
      return Promise.resolve({ ...manifest, files: [] });
    },
  };
}
