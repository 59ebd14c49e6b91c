import { describe, expect, it } from "vitest";
import { stopOperations, waitOperations } from "../../src/cli/carryOut.ts";
import { createLineBuffer } from "../../src/cli/logStream.ts";
import { oneOffService } from "../../src/cli/oneOffService.ts";
import { withoutContainersOf } from "../../src/cli/runOnce.ts";
import type { DesiredService } from "../../src/model/desired.ts";
import { COMPOSE } from "../../src/model/labels.ts";
import type { ObservedContainer } from "../../src/model/observed.ts";
import { DEFAULT_PLAN_OPTIONS, type Operation, type Plan } from "../../src/model/plan.ts";

function service(name: string, model: DesiredService["model"]): DesiredService {
  const binding = (variable: string): DesiredService["bindings"][number] => ({
    place: { kind: "environment", name: variable },
    template: ["x"],
    grade: "exposed",
    position: undefined,
  });
  // The policy is not looked at.
  const policy = {} as DesiredService["policy"];
  return {
    name,
    model,
    replicas: 2,
    image: "i",
    bindings: [binding("A"), binding("B")],
    files: [],
    policy,
  };
}

function container(name: string): ObservedContainer {
  return {
    id: `id-${name}`,
    name,
    image: "i",
    imageId: "i",
    labels: { [COMPOSE.service]: name, [COMPOSE.number]: "1" },
    state: "running",
    health: undefined,
    exitCode: undefined,
    created: 0,
    networks: [],
    mounts: [],
    networkMode: "",
  };
}

describe("Ctrl-C after up", () => {
  it("stops who depends on a service before the service", () => {
    const dependency = { condition: "service_started" } as const;
    const services = new Map([
      ["db", service("db", {})],
      ["web", service("web", { depends_on: { db: dependency } })],
    ]);
    const operations = stopOperations({ services }, [container("db"), container("web")]);
    expect(operations).toMatchObject([
      { id: 1, after: [2], address: "container.db[1]", containerId: "id-db" },
      { id: 2, after: [], address: "container.web[1]" },
    ]);
  });
});

describe("up --wait", () => {
  it("waits for each service once, and for none that has no healthcheck", () => {
    const checked = (name: string) => ({ ...container(name), health: "starting" }) as const;
    const all = [checked("web"), checked("web"), checked("db"), container("job")];
    const waits = waitOperations({ services: new Map() }, all);
    expect(waits.map(({ address }) => address)).toEqual(["service.db", "service.web"]);
  });
});

describe("run", () => {
  it("brings up what the service needs, and none of its own containers", () => {
    const base = { why: "", service: "x", number: 1, name: "n", oneShot: false } as const;
    const operations: readonly Operation[] = [
      {
        id: 1,
        after: [],
        why: "",
        address: "network.default",
        kind: "create-network",
        network: "default",
      },
      { ...base, id: 2, after: [1], address: "container.db[1]", kind: "create-container" },
      { ...base, id: 3, after: [1, 2], address: "container.web[1]", kind: "create-container" },
      { ...base, id: 4, after: [3], address: "container.web2[1]", kind: "create-container" },
    ];
    const plan: Plan = {
      project: "shop",
      engineId: "",
      options: DEFAULT_PLAN_OPTIONS,
      changes: [],
      unchanged: [],
      drift: [],
      operations,
      warnings: [],
    };
    const needed = withoutContainersOf(plan, "web").operations;
    expect(needed.map(({ id, after }) => [id, after])).toEqual([
      [1, []],
      [2, [1]],
      [4, []],
    ]);
  });

  it("is the service but for its ports, its name, its restarts and what the flags say", () => {
    const model = {
      image: "i",
      command: ["serve"],
      container_name: "web",
      restart: "always",
      ports: [{ target: 80 }],
      environment: { KEPT: "1", A: "ref" },
    };
    const flags = { deps: true, tty: true, env: ["A=2=3", "FROM_HERE"], user: "app" };
    const environment = { FROM_HERE: "h" };
    const once = oneOffService(service("web", model), {
      words: ["sh"],
      flags,
      environment,
      tty: false,
    });
    expect(once.model).toEqual({
      image: "i",
      command: ["sh"],
      user: "app",
      environment: { KEPT: "1", A: "2=3", FROM_HERE: "h" },
      restart: "no",
      tty: false,
      stdin_open: true,
    });
    expect(once.bindings.map(({ place }) => place)).toEqual([{ kind: "environment", name: "B" }]);
  });
});

describe("lines of a log", () => {
  it("are whole, however they arrive", () => {
    const lines: string[] = [];
    const buffer = createLineBuffer((line) => lines.push(line));
    const text = Buffer.from("first sécond\nthird\n\nlast");
    for (const byte of text) buffer.push(Buffer.from([byte]));
    expect(lines).toEqual(["first sécond", "third", ""]);
    buffer.flush();
    expect(lines.at(-1)).toBe("last");
  });
});
