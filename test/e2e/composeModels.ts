/** Services as people may write them: every field that Compose hashes. */
import fc from "fast-check";
import {
  text,
  word,
  duration,
  size,
  port,
  flag,
  pairs,
  some,
  mapOrList,
  optional,
  command,
  ports,
  mount,
  grant,
  healthcheck,
  serviceNetworks,
  deploy,
  type Fields,
} from "./composeFields.ts";

/** Of each pair that Compose refuses together, one. */
const limits = fc.oneof(
  optional({ deploy }),
  optional({
    mem_limit: size,
    mem_reservation: size,
    memswap_limit: size,
    cpus: fc.constantFrom<unknown>(0.5, "1.25", 2, 0.1),
    pids_limit: fc.constantFrom(10, 500),
    scale: fc.integer({ min: 0, max: 3 }),
  }),
);
const attachment = fc.oneof(
  optional({
    networks: serviceNetworks,
    hostname: word,
    mac_address: fc.constant("02:42:ac:11:00:03"),
  }),
  optional({ network_mode: fc.constantFrom("host", "none", "bridge") }),
);

const process = optional({
  ...{
    command,
    entrypoint: command,
    user: fc.constantFrom("1000:1000", "app"),
    working_dir: fc.constantFrom("/srv", "relative"),
  },
  ...{
    environment: mapOrList(text),
    tty: flag,
    stdin_open: flag,
    init: flag,
    read_only: flag,
    privileged: flag,
  },
  ...{
    stop_signal: fc.constant("SIGUSR1"),
    stop_grace_period: duration,
    attach: flag,
    oom_score_adj: fc.integer({ min: -500, max: 500 }),
  },
  ...{
    restart: fc.constantFrom("no", "always", "unless-stopped", "on-failure", "on-failure:3"),
    pull_policy: fc.constantFrom("always", "missing"),
  },
});

const outside = optional({
  ...{
    ports,
    expose: some(fc.oneof(port, port.map(String), fc.constant("3000-3005/udp"))),
    healthcheck,
  },
  ...{
    volumes: some(mount),
    tmpfs: fc.oneof(fc.constant("/run"), some(fc.constantFrom("/tmp:size=1m", "/cache"))),
  },
  ...{
    secrets: grant("certificate"),
    configs: grant("settings"),
    labels: mapOrList(text),
    annotations: mapOrList(text),
  },
  logging: optional({
    driver: fc.constantFrom("json-file", "none"),
    options: pairs(fc.constantFrom<unknown>("10m", 3, null)),
  }),
});

const kernel = optional({
  ...{
    cap_add: some(word),
    cap_drop: some(word),
    security_opt: some(fc.constantFrom("no-new-privileges:true", "label:disable")),
  },
  ...{
    sysctls: mapOrList(fc.constantFrom("1", "0")),
    group_add: some(fc.constantFrom<unknown>("mail", 1000)),
    shm_size: size,
  },
  ulimits: optional({
    nproc: fc.constant(65_535),
    nofile: fc.constant({ soft: 20_000, hard: 40_000 }),
  }),
  ...{
    extra_hosts: fc.constantFrom<unknown>(["a:1.2.3.4", "b=::1"], { z: "10.0.0.1", a: "10.0.0.2" }),
    domainname: word,
  },
  ...{
    dns: fc.oneof(fc.constant("8.8.8.8"), some(fc.constantFrom("1.1.1.1", "9.9.9.9"))),
    dns_search: some(word),
    dns_opt: some(word),
  },
  ...{
    pid: fc.constant("host"),
    ipc: fc.constantFrom("host", "shareable"),
    uts: fc.constant("host"),
    userns_mode: fc.constant("host"),
  },
  ...{
    devices: some(fc.constantFrom("/dev/null:/dev/x", "/dev/zero:/dev/z:r", "/dev/fuse")),
    device_cgroup_rules: fc.constant(["c 1:3 mr"]),
  },
  ...{
    cpu_shares: fc.constantFrom(73, "512"),
    cpuset: fc.constant("0,1"),
    cpu_quota: fc.constant(50_000),
    cpu_period: fc.constantFrom(100_000),
  },
  ...{
    runtime: fc.constant("runc"),
    platform: fc.constant("linux/amd64"),
    storage_opt: fc.constant({ size: "1G" }),
    cgroup_parent: word,
  },
  ...{
    oom_kill_disable: flag,
    mem_swappiness: fc.integer({ min: 1, max: 100 }),
    cgroup: fc.constant("private"),
  },
  blkio_config: fc.constant({
    weight: 300,
    weight_device: [{ path: "/dev/sda", weight: 400 }],
    device_read_bps: [{ path: "/dev/sdb", rate: "12mb" }],
  }),
});

/** Not hashed, and must not be. */
const apart = optional({
  build: fc.constantFrom<unknown>(".", { context: "./dir", args: { A: "1" } }),
  "x-team": pairs(text),
  depends_on: fc.constantFrom<unknown>(["zero"], { zero: { condition: "service_healthy" } }),
});

/** Services that load; every file has a service `zero`, and what they mention. */
export const service: fc.Arbitrary<Fields> = fc
  .tuple(process, outside, kernel, limits, attachment, apart)
  .map((parts): Fields => Object.assign({ image: "app:1" }, ...parts) as Fields);

export function fileOf(services: readonly Fields[]): string {
  return JSON.stringify({
    services: {
      zero: { image: "zero:1" },
      ...Object.fromEntries(services.map((one, index) => [`service-${index}`, one])),
    },
    networks: { front: {}, back: {} },
    volumes: { data: {}, logs: {} },
    secrets: { certificate: { file: "./certificate.pem" } },
    configs: { settings: { file: "./settings.ini" } },
  });
}
