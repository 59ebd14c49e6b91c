import { describe, expect, it } from "vitest";
import { needsDetail } from "../../src/diff/details.ts";
import { diff } from "../../src/diff/diff.ts";
import { renderPlan } from "../../src/diff/render.ts";
import { DSO } from "../../src/model/labels.ts";
import type { Desired } from "../../src/model/desired.ts";
import type { ContainerDetail, Observed } from "../../src/model/observed.ts";
import { options, project } from "./build.ts";
import { applied, change, image, madeByCompose } from "./engine.ts";

const before = project({ services: { web: { image: "web:1" }, other: { image: "web:1" } } });
const after = project({
  services: {
    web: {
      image: "web:1",
      command: ["serve"],
      environment: { LOG: "debug", PASSWORD: "dso://vault:db#password" },
      ports: [{ target: 80, published: "8080" }],
    },
    other: { image: "web:1" },
  },
  versions: { "vault:db": "7" },
});

function madeByOthers(desired: Desired): Observed {
  const observed = applied(desired);
  const changes = observed.containers.map((one) => [one.name, madeByCompose(one)] as const);
  const images = new Map([["web:1", image("web:1", { environment: ["PATH=/bin"] })]]);
  return { ...change(observed, Object.fromEntries(changes)), images };
}

function withDetail(observed: Observed): Observed {
  const container = observed.containers.find(({ name }) => name === "shop-web-1")!;
  const detail: ContainerDetail = {
    ...container,
    config: {
      Image: "web:1",
      // The last is of Docker's configuration: no file of the project took it away.
      Env: ["LOG=info", "PASSWORD=hunter2", "PATH=/bin", "https_proxy=http://u:pw@p"],
      Cmd: ["serve"],
      Labels: container.labels,
    },
    hostConfig: {
      RestartPolicy: { Name: "no" },
      PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }] },
    },
    pid: 1,
    startedAt: "",
    restartCount: 0,
    error: "",
    oomKilled: false,
    healthLog: undefined,
  };
  return { ...observed, details: new Map([[container.id, detail]]) };
}

describe("a container that others made", () => {
  it("is looked at closely only if it has to change", () => {
    const observed = madeByOthers(before);
    const web = observed.containers.find(({ name }) => name === "shop-web-1")!;
    expect(needsDetail(after, observed)).toEqual([web.id]);
    expect(needsDetail(before, observed)).toEqual([]);
    expect(needsDetail(after, applied(before))).toEqual([]);
  });

  it("shows what of it differs, and no value that it holds", () => {
    const plan = diff(after, withDetail(madeByOthers(before)), options());
    const [web] = plan.changes;
    expect(web?.attributes.map(({ path, shown }) => [path, shown])).toEqual([
      ["environment.LOG", "private"],
      ["environment.PASSWORD", "secret"],
    ]);
    expect(web?.reasons.map(({ code }) => code)).toEqual(["env_changed", "secret_delivery"]);
    expect(renderPlan(plan, { color: false, showValues: true })).not.toContain("hunter2");
    expect(JSON.stringify(plan)).not.toContain("hunter2");
  });

  it("without a closer look only says that it differs", () => {
    const plan = diff(after, madeByOthers(before), options());
    expect(plan.changes[0]?.reasons[0]).toEqual({
      code: "config_changed",
      detail: "its configuration hash is another",
    });
    expect(plan.changes[0]?.attributes.map(({ path }) => path)).toEqual(["environment.PASSWORD"]);
  });

  it("is not read where it is ours: its environment may hold values", () => {
    const observed = applied(before);
    const web = observed.containers.find(({ name }) => name === "shop-web-1")!;
    const labels = { ...web.labels, [DSO.spec]: '{"v":2}' };
    const ours = change(observed, { "shop-web-1": { labels } });
    const plan = diff(after, withDetail(ours), options());
    expect(plan.changes[0]?.reasons[0]?.code).toBe("config_changed");
    expect(plan.changes[0]?.attributes.map(({ path }) => path)).not.toContain("environment.LOG");
  });
});
