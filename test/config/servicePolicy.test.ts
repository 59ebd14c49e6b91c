import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { servicePolicy } from "../../src/config/servicePolicy.ts";
import { faultsOf, tell } from "../fakes/faults.ts";
import { projectOf } from "../fakes/project.ts";

async function policyOf(xDso: string, dsoYaml = "") {
  const project = await projectOf(`services:\n  web:\n    image: app\n    x-dso: ${xDso}\n`);
  const config = await parseConfig(dsoYaml, "/etc/dso/dso.yaml");
  return servicePolicy("web", project.services.get("web")!, config, project.positions);
}

describe("what holds for a service", () => {
  test.each(["{}", ""])("x-dso: %s says nothing: all is default", async (xDso) => {
    expect(await policyOf(xDso)).toEqual({
      strategy: "restart",
      env: "auto",
      signal: undefined,
      drainMs: 10_000,
      shared: [],
      health: {
        probe: undefined,
        timeoutMs: 30_000,
        retries: 3,
        intervalMs: 2_000,
        startPeriodMs: undefined,
        settleMs: 5_000,
      },
      rotationTimeoutMs: 30_000,
      rollbackOnFailure: true,
    });
  });

  test("the service stands above defaults, and these above agent", async () => {
    const dsoYaml = `
agent:
  health_check: { timeout: 11s, retries: 11, interval: 11s }
  rotation: { strategy: none, timeout: 11s, rollback_on_failure: false }
defaults: { env: exposed, rotation: { strategy: restart, timeout: 22s } }
`;
    expect(await policyOf("{}", dsoYaml)).toMatchObject({
      strategy: "restart",
      env: "exposed",
      rotationTimeoutMs: 22_000,
      rollbackOnFailure: false,
      health: { timeoutMs: 11_000, retries: 11, intervalMs: 11_000 },
    });
    const own = "{ strategy: none, env: auto, health: { timeout: 33s, start_period: 1m } }";
    expect(await policyOf(own, dsoYaml)).toMatchObject({
      strategy: "none",
      env: "auto",
      health: { timeoutMs: 33_000, retries: 11, startPeriodMs: 60_000 },
    });
  });

  test("its own time stands above that of dso.yaml", async () => {
    const dsoYaml = "agent: { rotation: { timeout: 11s } }";
    expect((await policyOf("{ timeout: 2m }", dsoYaml)).rotationTimeoutMs).toBe(120_000);
  });

  test.each([
    ["{ health: { timeout: 3s } }", "", 1500],
    ["{}", "agent: { rotation: { timeout: 5s } }", 2500],
    ["{ timeout: 1m, health: { timeout: 10s } }", "", 5000],
  ])("x-dso: %s and %j: the settle time fits in the shorter wait", async (xDso, dsoYaml, ms) => {
    expect((await policyOf(xDso, dsoYaml)).health.settleMs).toBe(ms);
  });

  test("signal, drain and what may be shared", async () => {
    expect(await policyOf("{ signal: SIGHUP, drain: 0s, shared: [data, /cache] }")).toMatchObject({
      signal: "SIGHUP",
      drainMs: 0,
      shared: ["data", "/cache"],
    });
  });

  test.each([
    ["http: { port: 80 }", { kind: "http", port: 80, path: "/", status: undefined }],
    [
      "http: { port: 80, path: /ok, status: 204 }",
      { kind: "http", port: 80, path: "/ok", status: 204 },
    ],
    ["tcp: { port: 5432 }", { kind: "tcp", port: 5432 }],
    ["exec: [test, -f, /ready]", { kind: "exec", argv: ["test", "-f", "/ready"] }],
  ])("the probe %s", async (probe, read) => {
    expect((await policyOf(`{ health: { ${probe} } }`)).health.probe).toEqual(read);
  });

  test("reading twice gives the same: the model is left alone", async () => {
    const project = await projectOf(
      "services: { web: { image: app, x-dso: { health: { http: { port: 1 } } } } }",
    );
    const model = project.services.get("web")!;
    const before = JSON.stringify(model);
    servicePolicy("web", model, await parseConfig("", undefined), project.positions);
    expect(JSON.stringify(model)).toBe(before);
  });
});

describe("what is refused", () => {
  const X = "services.web.x-dso";
  test.each([
    ["{ strategie: none }", `4:14 unknown key "strategie" in ${X} | Did you mean "strategy"?`],
    [
      "{ strategy: reload }",
      `4:24 ${X}.strategy must be one of restart, signal, refresh, none, but is "reload" | Choose one of them.`,
    ],
    [
      "{ drain: 10 }",
      `4:21 ${X}.drain must be a duration, for example 30s, 5m or 1h30m, but is 10 | Write the unit, for example 10s.`,
    ],
    [
      "{ health: { htpp: { port: 1 } } }",
      `4:24 unknown key "htpp" in ${X}.health | Did you mean "http"?`,
    ],
    ["{ health: { http: {} } }", `4:30 ${X}.health.http lacks "port" | Add port: to it.`],
    [
      "{ health: { tcp: { port: 70000 } } }",
      `4:38 ${X}.health.tcp.port must be a port from 1 to 65535, but is 70000 | Correct the value.`,
    ],
    ["{ health: { exec: [] } }", `4:30 ${X}.health.exec is empty | Give it at least one entry.`],
    [
      "{ health: { tcp: { port: 1 }, exec: [a] } }",
      `4:22 ${X}.health has tcp and exec | Keep one of them.`,
    ],
    ["hello", `4:12 ${X} must be a mapping | Correct the value.`],
  ])("x-dso: %s", async (xDso, told) => {
    const [fault] = await faultsOf(() => policyOf(xDso));
    const [code, place, ...rest] = tell(fault!).split(" ");
    const [, wanted, ...words] = `compose-invalid ${told}`.split(" ");
    expect([code, rest.join(" ")]).toEqual(["compose-invalid", words.join(" ")]);
    expect(place?.split(":")[0]).toBe(wanted?.split(":")[0]);
  });
});
