import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { planJson } from "../../src/diff/json.ts";
import { redactPlan } from "../../src/diff/redact.ts";
import { renderPlan } from "../../src/diff/render.ts";
import { streamMessages } from "../../src/diff/stream.ts";
import { planText } from "../../src/diff/text.ts";
import type { Desired } from "../../src/model/desired.ts";
import { COMPOSE } from "../../src/model/labels.ts";
import type { Observed, ObservedContainer } from "../../src/model/observed.ts";
import type { Plan } from "../../src/model/plan.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { options, project, type ServiceInput } from "./build.ts";
import { applied, id } from "./engine.ts";

/** Stands in every place that may not be shown; it is looked for in the output. */
const PRIVATE = "hunter2-private";

const NAMES = ["alpha", "beta", "gamma", "delta"];

const service = (earlier: readonly string[]): fc.Arbitrary<ServiceInput> =>
  fc
    .record({
      image: fc.constantFrom("web:1", "web:2", "postgres:16"),
      log: fc.constantFrom("info", "debug", PRIVATE),
      secret: fc.constantFrom(undefined, "dso://vault:db#password", "x={{dso://vault:api#key}}"),
      file: fc.boolean(),
      volume: fc.boolean(),
      port: fc.boolean(),
      needs: fc.subarray([...earlier]),
      condition: fc.constantFrom("service_started" as const, "service_healthy" as const),
      restart: fc.boolean(),
      shares: fc.boolean(),
      replicas: fc.integer({ min: 0, max: 3 }),
    })
    .map((one) => {
      const shared = one.shares ? one.needs[0] : undefined;
      const model: ServiceModel = {
        image: one.image,
        command: ["run", PRIVATE],
        environment: {
          LOG: one.log,
          ...(one.secret === undefined ? {} : { SECRET: one.secret }),
        },
        healthcheck: { test: ["CMD", "true"] },
        ...(one.volume ? { volumes: [{ type: "volume", source: "data", target: "/data" }] } : {}),
        ...(one.port ? { ports: [{ target: 80, published: "8080" }] } : {}),
        ...(shared === undefined ? {} : { network_mode: `service:${shared}` }),
        depends_on: Object.fromEntries(
          one.needs.map((name) => [name, { condition: one.condition, restart: one.restart }]),
        ),
      };
      const files: Record<string, string> = one.file
        ? { "/run/secrets/db": "dso://vault:db#password" }
        : {};
      return { model, replicas: one.replicas, files };
    });

const HIDDEN = NAMES.flatMap((name) => [
  `services.${name}.environment.LOG`,
  `services.${name}.command.1`,
]);

const desiredState: fc.Arbitrary<Desired> = fc
  .tuple(
    fc.tuple(...NAMES.map((_, index) => service(NAMES.slice(0, index)))),
    fc.subarray(NAMES, { minLength: 1 }),
    fc.constantFrom("7", "8"),
    fc.boolean(),
  )
  .map(([services, chosen, version, isolated]) =>
    project({
      services: Object.fromEntries(
        services.flatMap((one, index): [string, ServiceInput][] => {
          const name = NAMES[index]!;
          return chosen.includes(name) ? [[name, within(one, chosen)]] : [];
        }),
      ),
      networks: isolated ? { default: { name: "apart" } } : { default: {} },
      volumes: { data: {} },
      versions: { "vault:db": version, "vault:api": "1" },
      private: HIDDEN,
    }),
  );

/** Only what is in the project can be depended on. */
function within(one: ServiceInput, chosen: readonly string[]): ServiceInput {
  const needs = Object.entries(one.model.depends_on ?? {}).filter(([name]) =>
    chosen.includes(name),
  );
  const { network_mode: mode, ...rest } = one.model;
  const shared = mode !== undefined && chosen.includes(mode.slice("service:".length));
  return {
    ...one,
    model: {
      ...rest,
      ...(shared ? { network_mode: mode } : {}),
      depends_on: Object.fromEntries(needs),
    },
  };
}

/** What people and accidents do to containers. */
const accident = fc.constantFrom<(one: ObservedContainer) => readonly ObservedContainer[]>(
  (one) => [one],
  (one) => [one],
  (one) => [{ ...one, state: "exited", exitCode: 137 }],
  (one) => [{ ...one, state: "exited", exitCode: 0 }],
  (one) => [{ ...one, state: "paused" }],
  (one) => [{ ...one, state: "dead" }],
  (one) => [{ ...one, name: `${one.name}-mine` }],
  (one) => [{ ...one, networks: [] }],
  (one) => [one, { ...one, id: id(`${one.name}-double`), name: `${one.name}-old`, created: 1 }],
  () => [],
);

const observedState = fc
  .tuple(desiredState, fc.array(accident, { minLength: 12, maxLength: 12 }))
  .map(([desired, accidents]): Observed => {
    const observed = applied(desired);
    return {
      ...observed,
      containers: observed.containers.flatMap(
        (one, index) => accidents[index % accidents.length]?.(one) ?? [one],
      ),
    };
  });

const asked = fc.record(
  {
    recreate: fc.constantFrom("diverged" as const, "force" as const, "never" as const),
    mode: fc.constantFrom("apply" as const, "destroy" as const, "refresh-only" as const),
    removeOrphans: fc.constantFrom("ours", "all", "none"),
    start: fc.boolean(),
    build: fc.constantFrom("missing" as const, "always" as const),
    pull: fc.constantFrom("policy" as const, "always" as const),
  },
  { requiredKeys: [] },
);

describe("for any two states", () => {
  it("the plan is the same however the input is ordered", () => {
    fc.assert(
      fc.property(desiredState, observedState, asked, (desired, observed, some) => {
        const plan = diff(desired, observed, options(some));
        const turned = diff(reversed(desired), turnedRound(observed), options(some));
        expect(JSON.stringify(turned)).toBe(JSON.stringify(plan));
      }),
    );
  });

  it("the plan of what was applied is empty", () => {
    fc.assert(
      fc.property(desiredState, (desired) => {
        const plan = diff(desired, applied(desired), options());
        expect([plan.changes, plan.operations, plan.drift]).toEqual([[], [], []]);
      }),
    );
  });

  it("every operation waits for earlier ones only", () => {
    fc.assert(
      fc.property(desiredState, observedState, asked, (desired, observed, some) => {
        const { operations } = diff(desired, observed, options(some));
        operations.forEach(({ id: number, after }, index) => {
          expect(number).toBe(index + 1);
          expect(after.every((other) => other >= 1 && other < number)).toBe(true);
        });
      }),
    );
  });

  it("every changed container is worked on, and nothing else", () => {
    fc.assert(
      fc.property(desiredState, observedState, (desired, observed) => {
        const plan = diff(desired, observed, options());
        const worked = new Set(
          plan.operations
            .filter(({ kind }) => kind !== "wait-service" && kind !== "disconnect-network")
            .map(({ address }) => address)
            .filter((address) => !address.startsWith("image.")),
        );
        expect([...worked].sort()).toEqual(
          [...new Set(plan.changes.map(({ address }) => address))].sort(),
        );
      }),
    );
  });

  it("no output holds private text", () => {
    fc.assert(
      fc.property(desiredState, observedState, asked, (desired, observed, some) => {
        const plan = diff(desired, observed, options(some));
        const meta = { createdAt: "2026-01-01T00:00:00Z", dsoVersion: "4.0.0" };
        const outputs = [
          renderPlan(plan, { color: false, showValues: false }),
          planText(plan),
          JSON.stringify(planJson(plan, meta)),
          JSON.stringify(streamMessages(plan)),
          JSON.stringify(redactPlan(plan)),
        ];
        for (const output of outputs) expect(output).not.toContain(PRIVATE);
      }),
    );
  });

  it("a service that is wanted never loses its last running container to a removal", () => {
    fc.assert(
      fc.property(desiredState, observedState, (desired, observed) => {
        const plan = diff(desired, observed, options());
        for (const { name, replicas } of desired.services.values()) {
          const running = observed.containers.filter(
            ({ labels, state }) => labels[COMPOSE.service] === name && state === "running",
          );
          if (replicas === 0 || running.length === 0) continue;
          const left = running.filter((one) => !removed(plan, one.id));
          expect(left.length).toBeGreaterThan(0);
        }
      }),
    );
  });

  it("lines are short", () => {
    fc.assert(
      fc.property(desiredState, observedState, (desired, observed) => {
        const text = renderPlan(diff(desired, observed, options()), {
          color: false,
          showValues: false,
        });
        for (const line of text.split("\n")) expect(line.length).toBeLessThan(120);
      }),
    );
  });
});

function removed(plan: Plan, container: string): boolean {
  return plan.operations.some(
    (one) => one.kind === "remove-container" && one.containerId === container,
  );
}

function reversed(desired: Desired): Desired {
  const turn = <K, V>(map: ReadonlyMap<K, V>): Map<K, V> => new Map([...map].reverse());
  return {
    ...desired,
    services: turn(desired.services),
    versions: turn(desired.versions),
    project: {
      ...desired.project,
      services: turn(desired.project.services),
      networks: turn(desired.project.networks),
      volumes: turn(desired.project.volumes),
    },
  };
}

function turnedRound(observed: Observed): Observed {
  return {
    ...observed,
    containers: [...observed.containers].reverse(),
    networks: [...observed.networks].reverse(),
    volumes: [...observed.volumes].reverse(),
    images: new Map([...observed.images].reverse()),
  };
}
