import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { chooseMethod, exclusiveness, unrefreshable } from "../../src/diff/method.ts";
import type { DesiredService } from "../../src/model/desired.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { options, project, type ServiceInput } from "./build.ts";
import { applied, image } from "./engine.ts";

function service(model: ServiceModel, policy: ServiceInput["policy"] = {}): DesiredService {
  return project({ services: { web: { model, policy } } }).services.get("web")!;
}

const ROTATED = [{ code: "secret_rotated", detail: "vault:db" }];
const CHANGED = [{ code: "image_changed", detail: undefined }];

describe("why two of a service cannot run at once", () => {
  const cases: readonly (readonly [string, ServiceModel, readonly string[]])[] = [
    ["nothing", { image: "web:1" }, []],
    ["a free host port", { image: "web:1", ports: [{ target: 80 }] }, []],
    [
      "a published port",
      { image: "web:1", ports: [{ target: 80, published: "8080" }] },
      ["published host port 8080"],
    ],
    [
      "a volume",
      { image: "web:1", volumes: [{ type: "volume", source: "data", target: "/data" }] },
      ['volume "data", which it writes'],
    ],
    [
      "a volume that it reads",
      {
        image: "web:1",
        volumes: [{ type: "volume", source: "data", target: "/data", read_only: true }],
      },
      [],
    ],
    [
      "a bind mount",
      { image: "web:1", volumes: [{ type: "bind", source: "/srv", target: "/data" }] },
      ['bind mount "/srv", which it writes'],
    ],
    ["others' volumes", { image: "web:1", volumes_from: ["db"] }, ['the volumes of "db"']],
    [
      "a database",
      { image: "docker.io/library/postgres:16@sha256:0" },
      ['the single writer "postgres"'],
    ],
    ["the host's network", { image: "web:1", network_mode: "host" }, ["network_mode: host"]],
    [
      "another's network",
      { image: "web:1", network_mode: "service:db" },
      ["network_mode: service:db"],
    ],
    [
      "a device",
      { image: "web:1", devices: [{ source: "/dev/x", target: "/dev/x", permissions: "rwm" }] },
      ["device /dev/x"],
    ],
    [
      "a fixed address",
      { image: "web:1", networks: { default: { ipv4_address: "10.0.0.9" } } },
      ['fixed address 10.0.0.9 in network "default"'],
    ],
    [
      "its own word",
      { image: "web:1", deploy: { update_config: { order: "stop-first" } } },
      ["deploy.update_config.order: stop-first"],
    ],
  ];
  it.each(cases)("%s", (_name, model, reasons) => {
    expect(exclusiveness(service(model), image("web:1"))).toEqual(reasons);
  });

  it("the image's own volume, unless something is mounted there or it is declared shared", () => {
    const withVolume = image("web:1", { volumes: ["/data"] });
    expect(exclusiveness(service({ image: "web:1" }), withVolume)).toEqual([
      "the image's own volume /data",
    ]);
    const shared = service({ image: "web:1" }, { shared: ["/data"] });
    expect(exclusiveness(shared, withVolume)).toEqual([]);
    expect(
      exclusiveness(service({ image: "web:1", tmpfs: ["/data:size=1m"] }), withVolume),
    ).toEqual([]);
  });
});

it("names whoever lives in a container that is replaced, or has its volumes", () => {
  const files = (image: string) =>
    project({
      services: {
        main: { model: { image } },
        inside: { model: { image: "a:1", pid: "service:main" } },
        heir: { model: { image: "a:1", volumes_from: ["main:ro"] } },
      },
    });
  const { changes } = diff(files("web:2"), applied(files("web:1")), options());
  expect(changes.find(({ name }) => name === "main")?.downtime?.forcedBy).toEqual([
    'service "heir", which has its volumes',
    'service "inside", which lives in its container',
  ]);
});

describe("the method", () => {
  const plain = {
    ...{ image: undefined, reasons: CHANGED, joined: [], job: false, serving: true },
    ...{ refreshable: true, anonymous: [], uprooted: false, pace: "update" as const },
  };

  it("is blue-green where two can run at once, and nothing lives in its containers", () => {
    const one = service({ image: "web:1" });
    expect(chooseMethod(one, plain)).toEqual({ method: "blue-green", forcedBy: [] });
    expect(chooseMethod(one, { ...plain, joined: ["a sidecar"] })).toEqual({
      method: "stop-first",
      forcedBy: ["a sidecar"],
    });
    expect(chooseMethod(one, { ...plain, job: true })).toEqual({
      method: "stop-first",
      forcedBy: ["a run to an end, of which there must not be two"],
    });
    expect(chooseMethod(service({ image: "redis:7" }), plain).method).toBe("stop-first");
    expect(chooseMethod(one, { ...plain, anonymous: ["/data"] }).forcedBy).toEqual([
      "the anonymous volume at /data",
    ]);
    const shared = service({ image: "web:1" }, { shared: ["/data"] });
    expect(chooseMethod(shared, { ...plain, anonymous: ["/data"] }).method).toBe("blue-green");
    expect(chooseMethod(one, { ...plain, uprooted: true }).method).toBe("stop-first");
    const address = service({ image: "web:1", mac_address: "02:42:ac:11:00:09" });
    expect(chooseMethod(address, plain).method).toBe("stop-first");
    const way = (there: string, back?: string) => {
      const rollback = back === undefined ? {} : { rollback_config: { order: back } };
      const deploy = { update_config: { order: there }, ...rollback };
      const model = { image: "web:1", deploy };
      return chooseMethod(service(model), { ...plain, pace: "rollback" }).forcedBy;
    };
    expect(way("stop-first")).toEqual(["deploy.update_config.order: stop-first"]);
    expect(way("stop-first", "start-first")).toEqual([]);
    expect(way("start-first", "stop-first")).toEqual(["deploy.rollback_config.order: stop-first"]);
  });

  it("is stop-first for what does not serve now", () => {
    const choice = chooseMethod(service({ image: "web:1" }), { ...plain, serving: false });
    expect(choice).toEqual({ method: "stop-first", forcedBy: [] });
  });

  it("is none where values alone changed and people want to see to that themselves", () => {
    const one = service({ image: "web:1" }, { strategy: "none" });
    expect(chooseMethod(one, { ...plain, reasons: ROTATED }).method).toBe("none");
    const both = { ...plain, reasons: [...ROTATED, ...CHANGED] };
    expect(chooseMethod(one, both).method).toBe("blue-green");
  });
});

describe("refresh", () => {
  const SECRET = "dso://vault:db";
  const circumstances = {
    ...{ image: undefined, reasons: ROTATED, joined: [], job: false, serving: true },
    ...{ refreshable: true, anonymous: [], uprooted: false, pace: "update" as const },
  };
  const told = (
    strategy: "restart" | "signal" | "refresh",
    files: Readonly<Record<string, string>>,
    environment: Readonly<Record<string, string>> = {},
  ): DesiredService => {
    const web = { model: { image: "web:1", environment }, policy: { strategy }, files };
    return project({ services: { web } }).services.get("web")!;
  };
  const inDirectory = { "/run/secrets/db": SECRET };

  it("is for those who ask for it, where new files are all that changes", () => {
    expect(chooseMethod(told("signal", inDirectory), circumstances).method).toBe("refresh");
    expect(chooseMethod(told("refresh", inDirectory), circumstances).method).toBe("refresh");
    expect(chooseMethod(told("restart", inDirectory), circumstances).method).toBe("blue-green");
    const more = { ...circumstances, reasons: [...ROTATED, ...CHANGED] };
    expect(chooseMethod(told("signal", inDirectory), more).method).toBe("blue-green");
  });

  it("is not for what does not run, or has no directory of ours", () => {
    const one = told("signal", inDirectory);
    for (const less of [{ serving: false }, { refreshable: false }]) {
      expect(chooseMethod(one, { ...circumstances, ...less }).method).not.toBe("refresh");
    }
  });

  it("reaches no variable, and no file that is a bind of its own", () => {
    const variable = told("signal", {}, { PASSWORD: SECRET });
    expect(chooseMethod(variable, circumstances).method).toBe("blue-green");
    expect(unrefreshable(variable, ROTATED)).toEqual(["environment.PASSWORD"]);
    const single = told("signal", { "/etc/password": SECRET });
    expect(unrefreshable(single, ROTATED)).toEqual(["file./etc/password"]);
    expect(unrefreshable(told("signal", inDirectory), ROTATED)).toEqual([]);
  });
});
