/** How long a plan expects a service not to serve. */
import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { estimateDowntime } from "../../src/diff/downtime.ts";
import { renderPlan } from "../../src/diff/render.ts";
import { COMPOSE } from "../../src/model/labels.ts";
import type { ImageDetail, MeasuredDowntime, Observed } from "../../src/model/observed.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { options, project } from "./build.ts";
import { applied, image } from "./engine.ts";

describe("the expected downtime", () => {
  const estimate = (
    model: ServiceModel,
    detail?: ImageDetail,
    stopTimeout?: number,
    measured?: MeasuredDowntime,
  ): readonly [number, number] => {
    const { expectedMs, worstMs } = estimateDowntime(
      project({ services: { web: model } }).services.get("web")!,
      detail,
      options({ stopTimeout }),
      measured,
    );
    return [expectedMs, worstMs];
  };

  it("is a stop and a start; the grace period at worst", () => {
    expect(estimate({ image: "web:1" })).toEqual([800, 10_400]);
    expect(estimate({ image: "web:1", stop_grace_period: "1m" })).toEqual([800, 60_400]);
    expect(estimate({ image: "web:1", stop_grace_period: "100ms" })).toEqual([500, 500]);
    expect(estimate({ image: "web:1" }, undefined, 2)).toEqual([800, 2400]);
  });

  it("is the whole grace period of a program known to ignore its stop signal", () => {
    expect(estimate({ image: "web:1", command: ["sleep", "infinity"] })).toEqual([10_400, 10_400]);
    expect(estimate({ image: "web:1" }, image("web:1", { command: ["/bin/sleep", "9"] }))).toEqual([
      10_400, 10_400,
    ]);
    expect(estimate({ image: "web:1", command: ["sleep", "9"], init: true })).toEqual([
      800, 10_400,
    ]);
  });

  it("has the first look of the healthcheck in it", () => {
    const check = { test: ["CMD", "true"], interval: "1s" };
    expect(estimate({ image: "web:1", healthcheck: check })[0]).toBe(1800);
    const slow = { ...check, interval: "5s" };
    expect(estimate({ image: "web:1", healthcheck: slow })[0]).toBe(900);
    const checked = image("web:1", {
      healthcheckTest: ["CMD", "true"],
      healthcheckIntervalMs: 1500,
    });
    expect(estimate({ image: "web:1" }, checked)[0]).toBe(2300);
    expect(
      estimate(
        { image: "web:1", healthcheck: { disable: true } },
        image("i", { healthcheckTest: ["CMD", "true"], healthcheckIntervalMs: 1500 }),
      )[0],
    ).toBe(800);
  });

  it.each([
    [["sh", "-c", "while :; do sleep 1; done"], 10_400],
    [["/bin/bash", "-c", "migrate && serve"], 10_400],
    [["sh", "-c", "trap 'exit 0' TERM; serve & wait"], 800],
    [["sh", "-c", "migrate; exec serve"], 800],
    [["sh", "-c", "serve"], 800],
    [["sh", "/start.sh"], 800],
  ])("of %j: a shell that stays and sets no handler hears no signal", (command, ms) => {
    expect(estimate({ image: "web:1", command })[0]).toBe(ms);
  });

  it("at worst has all of the time in it that a check is waited for", () => {
    const check = { test: ["CMD", "true"], interval: "1s" };
    expect(estimate({ image: "web:1", healthcheck: check })[1]).toBe(40_400);
    expect(estimate({ image: "web:1" })[1]).toBe(10_400);
  });

  it("is what was measured, as far as the grace period allows", () => {
    const measured = { stopMs: 6000, startMs: 5000 };
    expect(estimate({ image: "web:1" }, undefined, undefined, measured)).toEqual([11_000, 11_000]);
    expect(estimate({ image: "web:1" }, undefined, 2, measured)).toEqual([7000, 7000]);
    const deaf = { image: "web:1", command: ["sleep", "9"] };
    expect(estimate(deaf, undefined, undefined, { stopMs: 300, startMs: 200 })[0]).toBe(500);
  });
});

describe("in a plan", () => {
  const model = { image: "web:1", volumes: [{ type: "volume", source: "data", target: "/data" }] };
  const before = (user: string) =>
    project({
      services: {
        web: { ...model, user },
        dep: {
          image: "dep:1",
          depends_on: { web: { condition: "service_started", restart: true } },
        },
      },
      volumes: { data: {} },
    });
  const rendered = (downtimes?: Observed["downtimes"]): string => {
    const observed = { ...applied(before("1")), ...(downtimes && { downtimes }) };
    return renderPlan(diff(before("2"), observed, options()), { color: false, showValues: false });
  };

  it("it is a range until it was measured, of what is restarted, too", () => {
    const text = rendered();
    expect(text).toContain("# container.web[1] will be replaced by stop-first, 800 ms to 10 s of");
    expect(text).toContain("# container.dep[1] will be restarted, 800 ms to 10 s of downtime");
    expect(text).toContain("# (not measured yet: it may ignore its stop signal");
  });

  it("then it is told as it was", () => {
    const text = rendered(new Map([["web", { stopMs: 500, startMs: 5000 }]]));
    expect(text).toContain("will be replaced by stop-first, about 5.5 s of downtime");
    expect(text).toContain("# (measured the last time; at worst 10 s)");
  });
});

describe("a network that is made anew", () => {
  const shop = project({
    services: {
      web: { model: { image: "web:1" }, replicas: 2 },
      db: { image: "db:1" },
    },
  });
  const observed = applied(shop);
  const labels = { [COMPOSE.configHash]: "0".repeat(64) };
  const networks = observed.networks.map((one) => ({
    ...one,
    labels: { ...one.labels, ...labels },
  }));
  const text = renderPlan(diff(shop, { ...observed, networks }, options()), {
    color: false,
    showValues: false,
  });

  it("is away for a time that all its containers make longer, before each is replaced", () => {
    expect(text).toContain("# container.db[1] will be replaced by stop-first, 1.4 s to 11 s of");
  });

  it("takes all replicas away at once, where one would else serve on", () => {
    expect(text).toContain("# container.web[1] will be replaced by stop-first, about 620 ms of");
    expect(text).toContain("# container.web[2] will be replaced by stop-first, about 620 ms of");
  });
});
