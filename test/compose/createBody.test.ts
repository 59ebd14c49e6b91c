import { describe, expect, test } from "vitest";
import { networkBody, volumeBody } from "../../src/compose/create/createBody.ts";
import { networkHash, volumeHash } from "../../src/compose/output/hash.ts";
import { DsoError } from "../../src/model/errors.ts";
import { projectOf } from "../fakes/project.ts";
import { bodyOf, web } from "./bodyOf.ts";

test("a plain service gives a plain body", async () => {
  expect(await bodyOf("services: {web: {image: nginx}}")).toEqual({
    Image: "nginx",
    Env: [],
    Labels: {
      "com.docker.compose.project": "shop",
      "com.docker.compose.service": "web",
      "com.docker.compose.config-hash": "h",
      "com.docker.compose.oneoff": "False",
      "com.docker.compose.container-number": "2",
      "com.docker.compose.image": "sha256:1",
      "com.docker.compose.depends_on": "",
      "com.docker.compose.project.working_dir": "/",
      "com.docker.compose.project.config_files": "-",
      "com.docker.compose.version": "5.6.0",
    },
    ExposedPorts: {},
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: {
      Binds: [],
      Mounts: [],
      NetworkMode: "shop_default",
      OomKillDisable: false,
      PortBindings: {},
      RestartPolicy: { Name: "no" },
    },
    NetworkingConfig: {
      EndpointsConfig: { shop_default: { Aliases: ["shop-web-2", "web"] } },
    },
  });
});

describe("the container's configuration", () => {
  test.each([
    ["command: a 'b c'", { Cmd: ["a", "b c"] }],
    ["entrypoint: []", { Entrypoint: [] }],
    ["environment: {A: 1, B: }", { Env: ["A=1", "B"] }],
    [
      "expose: ['3000-3001/udp', 80]",
      { ExposedPorts: { "3000/udp": {}, "3001/udp": {}, "80/tcp": {} } },
    ],
    ["stop_grace_period: 1m30.5s", { StopTimeout: 90 }],
    ["stdin_open: true, tty: true", { OpenStdin: true, Tty: true }],
    [
      "healthcheck: {test: x, interval: 1.5s, retries: 2}",
      { Healthcheck: { Test: ["CMD-SHELL", "x"], Interval: 1.5e9, Retries: 2 } },
    ],
    ["healthcheck: {disable: true}", { Healthcheck: { Test: ["NONE"] } }],
  ])("%s", async (fields, expected) => {
    expect(await bodyOf(web(fields))).toMatchObject(expected);
  });

  test("depends_on is a label in a stable order", async () => {
    const compose = web(
      "depends_on: {db: {condition: service_healthy, restart: true}, a: {condition: service_started}}",
      "",
    ).replace("db: {image: db}", "db: {image: db}, a: {image: a}");
    expect((await bodyOf(compose)).Labels["com.docker.compose.depends_on"]).toBe(
      "a:service_started:false,db:service_healthy:true",
    );
  });
});

describe("the host's configuration", () => {
  test.each([
    [
      "ports: ['8080:80', '127.0.0.1:53:53/udp', 90, '8000-8010:99']",
      {
        PortBindings: {
          "80/tcp": [{ HostPort: "8080" }],
          "53/udp": [{ HostIp: "127.0.0.1", HostPort: "53" }],
          "90/tcp": [{ HostPort: "" }],
          "99/tcp": [{ HostPort: "8000-8010" }],
        },
      },
    ],
    ["restart: 'on-failure:3'", { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } }],
    [
      "restart: always, deploy: {restart_policy: {condition: none}}",
      { RestartPolicy: { Name: "no" } },
    ],
    [
      "volumes: ['/a:/b:ro,z', {type: bind, source: /s, target: /t, bind: {create_host_path: false}}]",
      { Binds: ["/a:/b:ro,z"], Mounts: [{ Type: "bind", Source: "/s", Target: "/t" }] },
    ],
    [
      "volumes: [/anonymous, {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 01777}}]",
      {
        Mounts: [
          { Type: "volume", Target: "/anonymous" },
          { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1048576, Mode: 0o1777 } },
        ],
      },
    ],
    ["tmpfs: ['/run:size=64m', /tmp]", { Tmpfs: { "/run": "size=64m", "/tmp": "" } }],
    ["extra_hosts: ['a:1.2.3.4', 'b=::1']", { ExtraHosts: ["a:1.2.3.4", "b:::1"] }],
    [
      "ulimits: {nofile: 10, nproc: {soft: 1, hard: 2}}",
      {
        Ulimits: [
          { Name: "nofile", Soft: 10, Hard: 10 },
          { Name: "nproc", Soft: 1, Hard: 2 },
        ],
      },
    ],
    [
      "mem_limit: 64m, cpus: 0.1, pids_limit: 5, shm_size: 1k",
      { Memory: 67108864, NanoCpus: 1e8, PidsLimit: 5, ShmSize: 1024 },
    ],
    [
      "deploy: {resources: {limits: {cpus: '0.25', memory: 1m}, reservations: {memory: 1k}}}",
      { NanoCpus: 25e7, Memory: 1048576, MemoryReservation: 1024 },
    ],
    ["gpus: all", { DeviceRequests: [{ Count: -1, Capabilities: [["gpu"]] }] }],
    [
      "devices: ['/dev/a:/dev/b:r', 'vendor.com/gpu=0']",
      {
        Devices: [{ PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "r" }],
        DeviceRequests: [{ Driver: "cdi", DeviceIDs: ["vendor.com/gpu=0"] }],
      },
    ],
    [
      "logging: {driver: json-file, options: {max-size: 1m}}",
      { LogConfig: { Type: "json-file", Config: { "max-size": "1m" } } },
    ],
    [
      "security_opt: ['systempaths=unconfined', 'no-new-privileges:true']",
      { SecurityOpt: ["no-new-privileges:true"], MaskedPaths: [], ReadonlyPaths: [] },
    ],
    ["network_mode: host", { NetworkMode: "host" }],
    [
      "network_mode: 'service:db', volumes_from: ['db:ro', 'container:x']",
      { NetworkMode: `container:${"d".repeat(64)}`, VolumesFrom: [`${"d".repeat(64)}:ro`, "x"] },
    ],
  ])("%s", async (fields, expected) => {
    expect((await bodyOf(web(fields))).HostConfig).toMatchObject(expected);
  });

  test("a named volume goes by the engine's name, or as a mount when it needs more", async () => {
    const fields =
      "volumes: ['data:/d', {type: volume, source: data, target: /n, volume: {nocopy: true}}]";
    const { HostConfig } = await bodyOf(web(fields, "volumes: {data: }"));
    expect(HostConfig.Binds).toEqual(["shop_data:/d:rw"]);
    expect(HostConfig.Mounts).toEqual([
      { Type: "volume", Source: "shop_data", Target: "/n", VolumeOptions: { NoCopy: true } },
    ]);
  });

  test("secrets and configs are bound unless they are delivered", async () => {
    const compose = web(
      "secrets: [s], configs: [c]",
      "secrets: {s: {file: /s}}\nconfigs: {c: {file: /c}}",
    );
    const all = await bodyOf(compose);
    expect(all.HostConfig.Mounts?.map(({ Target }) => Target)).toEqual(["/run/secrets/s", "/c"]);
    const rest = await bodyOf(compose, { delivered: new Set(["/run/secrets/s"]) });
    expect(rest.HostConfig.Mounts).toEqual([
      { Type: "bind", Source: "/c", Target: "/c", ReadOnly: true },
    ]);
  });
});

test("the network of the highest priority is the first", async () => {
  const compose = web(
    "networks: {a: {aliases: [x]}, b: {priority: 9, ipv4_address: 10.0.0.9}}",
    "networks: {a: , b: {name: other}}",
  );
  const { HostConfig, NetworkingConfig } = await bodyOf(compose);
  expect(HostConfig.NetworkMode).toBe("other");
  expect(NetworkingConfig.EndpointsConfig).toEqual({
    other: { Aliases: ["shop-web-2", "web"], IPAMConfig: { IPv4Address: "10.0.0.9" } },
    shop_a: { Aliases: ["shop-web-2", "web", "x"] },
  });
});

test.each([
  ["networks: {a: {priority: 1}, b: {mac_address: '02:42:ac:11:00:02'}}", "1.44"],
  ["volumes: [{type: bind, source: /a, target: /b, bind: {recursive: readonly}}]", "1.44"],
  ["volumes: [{type: volume, source: a, target: /b, volume: {subpath: c}}]", "1.45"],
  ["networks: {a: {gw_priority: 1}}", "1.48"],
  ["networks: {a: {interface_name: e}}", "1.49"],
  ["healthcheck: {test: x, start_period: 1s, start_interval: 1s}", "1.44"],
  ["annotations: {a: b}", "1.43"],
  ["volumes: [{type: image, source: i, target: /i}]", "1.48"],
])("an engine that is too old for %s is told so", async (fields, version) => {
  const compose = web(fields, "networks: {a: , b: }\nvolumes: {a: }");
  await expect(bodyOf(compose)).rejects.toThrow(version);
  await expect(bodyOf(compose)).rejects.toBeInstanceOf(DsoError);
  await expect(bodyOf(compose, { apiVersion: version })).resolves.toBeDefined();
});

test("proxies of the host come with every container, and the service's own word goes first", async () => {
  const proxies = { HTTP_PROXY: "http://p:1", http_proxy: "http://p:1", NO_PROXY: "n" };
  const own = await bodyOf(web("environment: {http_proxy: mine, HTTP_PROXY: }"), { proxies });
  expect(own.Env).toEqual(["HTTP_PROXY", "http_proxy=mine", "NO_PROXY=n"]);
});

test("a restart policy that there is none of is not taken for no", async () => {
  await expect(bodyOf(web("restart: allways"))).rejects.toThrow('does not exist: "allways"');
});

test("a service that is joined must have a container", async () => {
  await expect(bodyOf(web("pid: 'service:db'"), { containersOf: () => [] })).rejects.toThrow(
    "db has no container",
  );
});

test("networks and volumes carry Compose's labels and their exact hashes", async () => {
  const project = await projectOf(
    web(
      "networks: [n], volumes: ['data:/d']",
      "networks: {n: {internal: true, ipam: {config: [{subnet: 10.9.0.0/24}]}, labels: {a: b}}}\nvolumes: {data: {driver_opts: {type: tmpfs}}}",
    ),
  );
  const network = project.networks.get("n")!;
  expect(networkBody(project, "n", "4.0.0", "v5")).toEqual({
    Name: "shop_n",
    Internal: true,
    IPAM: { Config: [{ Subnet: "10.9.0.0/24" }] },
    Labels: {
      a: "b",
      "com.docker.compose.network": "n",
      "com.docker.compose.project": "shop",
      "com.docker.compose.version": "5.6.0",
      "com.docker.compose.config-hash": networkHash(network, "v5"),
      "dso.version": "4.0.0",
    },
  });
  expect(volumeBody(project, "data", "4.0.0")).toMatchObject({
    Name: "shop_data",
    DriverOpts: { type: "tmpfs" },
    Labels: { "com.docker.compose.config-hash": volumeHash(project.volumes.get("data")!) },
  });
});
