import { describe, expect, test } from "vitest";
import { newer, negotiate } from "../../src/docker/client.ts";
import { toContainer, toDetail, toPublishedPorts } from "../../src/docker/translate.ts";
import { toImage } from "../../src/docker/translateImage.ts";
import type { WireContainer, WireContainerRow } from "../../src/docker/wire.ts";

const row: WireContainerRow = {
  Id: "0123456789abcdef",
  Names: ["/other/alias", "/shop-web-1"],
  Image: "web:1",
  ImageID: "sha256:1",
  Created: 1_700_000_000,
  State: "running",
  Status: "Up 2 seconds",
};

describe("a row of the container list", () => {
  test.each([
    ["running", "Up 2 seconds", undefined, undefined],
    ["running", "Up About a minute (healthy)", "healthy", undefined],
    ["running", "Up 3 days (unhealthy)", "unhealthy", undefined],
    ["running", "Up Less than a second (health: starting)", "starting", undefined],
    ["paused", "Up 2 minutes (Paused)", undefined, undefined],
    ["exited", "Exited (0) 2 hours ago", undefined, 0],
    ["exited", "Exited (137) 5 seconds ago", undefined, 137],
    ["restarting", "Restarting (1) 3 seconds ago", undefined, undefined],
    ["created", "Created", undefined, undefined],
  ])("%s, %s", (State, Status, health, exitCode) => {
    expect(toContainer({ ...row, State, Status })).toMatchObject({
      state: State,
      health,
      exitCode,
    });
  });

  test("has its own name, not the one that others link it by", () => {
    expect(toContainer(row).name).toBe("shop-web-1");
  });

  test("bears the engine's nulls", () => {
    const nulls = { Labels: null, Mounts: null, Ports: null, NetworkSettings: { Networks: null } };
    expect(toContainer({ ...row, ...nulls })).toMatchObject({
      labels: {},
      mounts: [],
      networks: [],
    });
    expect(toPublishedPorts({ ...row, ...nulls })).toEqual([]);
  });

  test("tells published ports, not exposed ones", () => {
    const Ports = [
      { Type: "tcp" },
      { IP: "0.0.0.0", PublicPort: 80, Type: "tcp" },
      { IP: "::", PublicPort: 80, Type: "tcp" },
    ];
    expect(toPublishedPorts({ ...row, Ports })).toEqual([
      { hostIp: "0.0.0.0", hostPort: 80, protocol: "tcp" },
      { hostIp: "::", hostPort: 80, protocol: "tcp" },
    ]);
  });

  test("of an unknown state is an error, not a guess", () => {
    expect(() => toContainer({ ...row, State: "melting" })).toThrow(/melting/);
  });
});

test("a detail leaves out what nobody set and the engine's own alias", () => {
  const endpoint = { NetworkID: "n", IPAddress: "10.0.0.2", GlobalIPv6Address: "" };
  const wire = {
    Id: "0123456789abcdef",
    Name: "/web",
    Image: "sha256:1",
    Created: "2026-01-02T03:04:05.678Z",
    RestartCount: 2,
    State: {
      ...{ Status: "exited", ExitCode: 1, Pid: 0, StartedAt: "", Error: "boom", OOMKilled: true },
      Health: { Status: "none", Log: [{ Output: "first" }, { Output: "last" }] },
    },
    Config: { Image: "web:1", Env: null, Labels: null, Cmd: null, StopTimeout: 3 },
    HostConfig: { NetworkMode: "net" },
    NetworkSettings: { Networks: { net: { ...endpoint, Aliases: ["web", "0123456789ab"] } } },
  } satisfies WireContainer;
  expect(toDetail(wire)).toMatchObject({
    config: { Image: "web:1", Env: [], Labels: {}, StopTimeout: 3 },
    networks: [{ ipv4: "10.0.0.2", ipv6: undefined, aliases: ["web"] }],
    created: 1_767_323_045,
    exitCode: 1,
    health: undefined,
    healthLog: "last",
    oomKilled: true,
  });
  expect(toDetail(wire).config).not.toHaveProperty("Cmd");
});

test("a volume of an image is named as it is mounted", () => {
  const image = { Id: "sha256:1", Os: "linux", Architecture: "amd64" };
  const config = { Volumes: { "/data/": {}, "/cache//a": {} } };
  expect(toImage({ ...image, Config: config }).volumes).toEqual(["/cache/a", "/data"]);
});

describe("the API version", () => {
  test.each([
    ["the older engine's", "1.41", "1.12", "1.41"],
    ["what is known of a newer one", "1.60", "1.44", "1.51"],
    ["a future engine's least", "1.60", "1.55", "1.55"],
  ])("is %s", (_, ApiVersion, MinAPIVersion, used) => {
    expect(negotiate({ ApiVersion, MinAPIVersion })).toBe(used);
  });

  test("is compared by number, not by text", () => {
    expect(newer("1.9", "1.41")).toBe(false);
    expect(newer("1.100", "1.51")).toBe(true);
  });
});
