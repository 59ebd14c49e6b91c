/** A project, an engine and everything else that the executor works with, in memory. */
import type { ApplyContext } from "../../src/apply/context.ts";
import { execute } from "../../src/apply/execute.ts";
import type { DeliveryRequest } from "../../src/model/delivery.ts";
import type { Desired, DesiredService, FileDelivery } from "../../src/model/desired.ts";
import type { DsoEvent } from "../../src/model/events.ts";
import type { Rotation } from "../../src/model/journal.ts";
import type { Observed } from "../../src/model/observed.ts";
import { DEFAULT_PLAN_OPTIONS, type Operation, type Plan } from "../../src/model/plan.ts";
import { parseReference } from "../../src/model/parseReference.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { valueName } from "../../src/model/reference.ts";
import { Secret } from "../../src/model/secret.ts";
import { createFakeEngine, type FakeEngine, type FakeOptions } from "../fakes/engine.ts";
import { fakeAnswers, fakePrograms } from "../fakes/programs.ts";
import { countingRandom, fakeAddresses, fakeDelivery, fakeJournal, fakeShim } from "./ports.ts";

export const known = { providers: new Set(["local"]), defaultProvider: "local" };
export const never = new AbortController().signal;

export function service(
  name: string,
  model: ServiceModel = {},
  more: Partial<DesiredService> = {},
): DesiredService {
  return {
    name,
    model: { image: "app:1", networks: { default: null }, ...model },
    replicas: 1,
    image: model.image ?? "app:1",
    bindings: [],
    files: [],
    ...more,
    policy: {
      strategy: "restart",
      env: "auto",
      signal: undefined,
      drainMs: 10_000,
      shared: [],
      health: {
        probe: undefined,
        timeoutMs: 30_000,
        retries: 3,
        intervalMs: 5000,
        startPeriodMs: undefined,
        settleMs: 5000,
      },
      rotationTimeoutMs: 60_000,
      rollbackOnFailure: true,
      ...more.policy,
    },
  };
}

/** A file of the memory directory that holds one value, and its binding. */
export function withFile(text: string, target = "/run/secrets/password"): Partial<DesiredService> {
  const reference = parseReference(text, known);
  const template = [reference];
  const file: FileDelivery = {
    target,
    inDirectory: target.startsWith("/run/secrets/"),
    content: { kind: "template", template },
    mode: reference.file.mode,
    uid: reference.file.uid,
    gid: reference.file.gid,
  };
  const place = { kind: "file", target } as const;
  return { files: [file], bindings: [{ place, template, grade: "file", position: undefined }] };
}

export function desiredOf(...services: readonly DesiredService[]): Desired {
  return {
    project: {
      name: "shop",
      workingDir: "/srv/shop",
      files: ["/srv/shop/compose.yaml"],
      environmentFiles: [],
      profiles: [],
      services: new Map(services.map(({ name, model }) => [name, model])),
      disabledServices: [],
      networks: new Map([["default", { name: "shop_default" }]]),
      volumes: new Map([["data", { name: "shop_data" }]]),
      secrets: new Map(),
      configs: new Map(),
      positions: {
        at: (path) => ({ file: "/srv/shop/compose.yaml", line: path.length, column: 3 }),
        literal: () => true,
      },
      warnings: [],
    },
    services: new Map(services.map((one) => [one.name, one])),
    versions: new Map([["local:db", "7"]]),
    unversioned: new Set(),
  };
}

type OperationInput = Operation extends infer O
  ? O extends Operation
    ? Omit<O, "id" | "after" | "address" | "why"> & {
        readonly after?: readonly number[];
        readonly address?: string;
      }
    : never
  : never;

/** Operations numbered from 1, each after the one before unless it says otherwise. */
export function planOf(
  inputs: readonly OperationInput[],
  options: Partial<Plan["options"]> = {},
): Plan {
  const operations = inputs.map((input, index) => ({
    after: index === 0 ? [] : [index],
    address: addressOf(input),
    why: "test",
    ...input,
    id: index + 1,
  }));
  return {
    project: "shop",
    engineId: "FAKE:ENGINE",
    options: { ...DEFAULT_PLAN_OPTIONS, ...options },
    changes: [],
    unchanged: [],
    drift: [],
    operations,
    warnings: [],
  };
}

function addressOf(input: OperationInput): string {
  return "service" in input ? `service.${input.service}` : input.kind;
}

export const createWeb = {
  kind: "create-container",
  service: "web",
  number: 1,
  name: "shop-web-1",
  oneShot: false,
} as const;
export const network = { kind: "create-network", network: "default" } as const;

export interface World {
  readonly engine: FakeEngine;
  readonly generations: Map<string, DeliveryRequest>;
  readonly rotations: Map<string, Rotation>;
  readonly events: DsoEvent[];
  readonly secrets: Map<string, string>;
  readonly handedOut: Secret[];
  /** Milliseconds that were slept, in all. */
  readonly clock: ApplyContext["clock"];
  context(desired: Desired, more?: Partial<ApplyContext>): Promise<ApplyContext>;
  run(
    desired: Desired,
    plan: Plan,
    more?: Partial<ApplyContext> & { readonly signal?: AbortSignal },
  ): ReturnType<typeof execute>;
  /** The texts of events of one type. */
  told(type: DsoEvent["type"]): readonly string[];
}

export function createWorld(options: FakeOptions = {}): World {
  let now = Date.UTC(2026, 0, 1);
  const generations = new Map<string, DeliveryRequest>();
  const engine = createFakeEngine({
    now: () => now,
    pathExists: (path) => !path.startsWith("/memory/") || generations.has(path.split("/")[2] ?? ""),
    ...options,
  });
  engine.addImage("app:1");
  engine.addImage("app:2");
  const rotations = new Map<string, Rotation>();
  const events: DsoEvent[] = [];
  const secrets = new Map([["local:db#password", "hunter2-value"]]);
  const handedOut: Secret[] = [];
  const clock: ApplyContext["clock"] = {
    now: () => now,
    elapsed: () => now,
    async sleep(ms, signal) {
      signal.throwIfAborted();
      now += ms;
      return Promise.resolve();
    },
  };
  const ports = {
    engine,
    clock,
    delivery: fakeDelivery(generations),
    shim: fakeShim(),
    journal: fakeJournal(rotations),
    addresses: fakeAddresses(),
    sockets: { inbound: () => Promise.resolve(0) },
  };
  const world: World = {
    engine,
    generations,
    rotations,
    events,
    secrets,
    handedOut,
    clock,
    context: async (desired, more = {}) => ({
      ...ports,
      desired,
      observed: await observe(engine),
      builder: { build: () => Promise.resolve() },
      readValues: async (references) =>
        new Map(
          references.flatMap((reference) => {
            const text = secrets.get(valueName(reference));
            if (text === undefined) return [];
            const value = new Secret(Buffer.from(text));
            handedOut.push(value);
            return [[valueName(reference), value] as const];
          }),
        ),
      random: countingRandom(rotations.size + generations.size),
      dsoVersion: "4.0.0",
      dialect: "v2",
      hostVariables: {},
      proxies: {},
      programs: fakePrograms(),
      answers: fakeAnswers(),
      parallelism: 4,
      force: never,
      ...more,
    }),
    run: async (desired, plan, { signal = never, ...more } = {}) =>
      execute(plan, await world.context(desired, more), (event) => void events.push(event), signal),
    told: (type) =>
      events
        .filter((event) => event.type === type)
        .map((event) =>
          event.type === "warning"
            ? event.message
            : event.type === "container-log"
              ? event.lines.join("\n")
              : event.type === "rotation-step"
                ? event.step
                : "error" in event
                  ? `${event.error.code}: ${event.error.message}`
                  : "operation" in event
                    ? event.operation.kind
                    : "",
        ),
  };
  return world;
}

async function observe(engine: FakeEngine): Promise<Observed> {
  return {
    shim: true,
    engine: { ...(await engine.info(never)), local: true },
    ...(await engine.listProject("shop", never)),
    images: new Map(),
    foreignNetworks: new Map(),
    foreignVolumes: new Map(),
    details: new Map(),
    delivered: new Map(),
    lostGenerations: new Set(),
    lastApply: undefined,
  };
}
