/** Each field of a service in the forms that people write it in, and what stands beside the services. */
type Forms = Readonly<Record<string, readonly unknown[]>>;

/** Of processes, files and networks. */
const COMMON: Forms = {
  command: [null, [], "", "run 'a b'", ["x", ""], 'sh -c "echo $$HOME"'],
  entrypoint: [null, [], "", "a b", ["x"], [""]],
  environment: [{ A: "1", B: null, C: "" }, ["A=1", "B", "VALUE", "C="], { N: 1.5, T: true }],
  env_file: ["vars.env"],
  label_file: ["labels.env"],
  labels: [{ a: "b", n: 1 }, ["a=b", "c"]],
  ports: [
    ...[["80"], [80], ["8080:80"], ["127.0.0.1:8080:80"], ["127.0.0.1::80"], ["[::1]:8080:80"]],
    ...[["[::1]::80/udp"], ["8000-8002:80-82"], ["8000-8010:80"], ["3000-3002"], ["80", "8080:80"]],
    ...[["8080:80/udp", "8080:80/tcp"], ["0.0.0.0:1:1", "[::]:1:1"], [{ target: 80 }]],
    [
      { target: 80, published: "8000-8005" },
      { target: 81, mode: "host" },
    ],
    [
      {
        target: 80,
        published: 8080,
        host_ip: "10.0.0.1",
        protocol: "udp",
        mode: "host",
        name: "n",
      },
    ],
    [{ target: 80, protocol: "sctp", published: "99", app_protocol: "http" }],
  ],
  expose: [["3000", 3001], ["3000/udp"], ["3000-3003"], ["3000-3002/udp"], ["3000", "3000/tcp"]],
  volumes: [
    ...[
      ["./here:/there"],
      ["/abs:/abs:ro"],
      ["/abs:/abs:rw,z"],
      ["/abs:/abs:ro,Z"],
      ["/a:/a:cached"],
    ],
    ...[["~/mine:/mine"], ["/a:/a:rshared"], ["/a:/a:ro,rslave"], ["/a:/a:nocopy"], ["/anonymous"]],
    ...[["data:/d"], ["data:/d:ro"], ["data:/d:nocopy"], ["data:/d:ro,nocopy"], ["data:/d:z"]],
    ...[["data:/one", "data:/two"], ["/a/:/b/"], ["/a:/x", "/b:/x"], ["/a b:/c d"], ["named:/x"]],
    ...[
      { type: "bind", source: "./a" },
      { type: "bind", source: "/a", read_only: true, consistency: "cached" },
      { type: "bind", source: "/a", consistency: "cached", bind: { create_host_path: false } },
      { type: "bind", source: "/a", bind: { create_host_path: true, selinux: "z" } },
      { type: "bind", source: "/a", bind: { create_host_path: true, propagation: "rslave" } },
      { type: "bind", source: "/a", bind: { create_host_path: true, recursive: "disabled" } },
      { type: "volume", source: "data" },
      { type: "volume", read_only: true },
      { type: "volume", source: "data", volume: {} },
      { type: "volume", source: "data", volume: { nocopy: true } },
      { type: "volume", source: "data", volume: { labels: { a: "b" } } },
      { type: "tmpfs" },
      { type: "tmpfs", tmpfs: { size: "64m" } },
      { type: "tmpfs", read_only: true, tmpfs: { size: 1000, mode: 0o1777 } },
    ].map((one) => [{ target: "/b", ...one }]),
  ],
  tmpfs: ["/run", ["/run", "/tmp:size=64m,mode=755"], ["/a:exec"], ["/b:uid=1,gid=2:x"], []],
  healthcheck: [
    ...[
      { test: "a && b" },
      { test: ["CMD", "a"] },
      { test: ["CMD-SHELL", "a"] },
      { test: ["NONE"] },
    ],
    ...[
      { disable: true },
      { test: [] },
      { interval: "10s" },
      {},
      { test: ["CMD", "a"], disable: true },
    ],
    { test: "x", interval: "1m30s", timeout: "500ms", retries: 0, start_period: "0s" },
  ],
  restart: ["no", "always", "unless-stopped", "on-failure", "on-failure:3", "none", "any"],
  networks: [
    ...[["front"], ["front", "back"], { front: null, back: {} }, { default: { aliases: ["q"] } }],
    ...[{ front: { aliases: ["z", "y"] } }, { front: { priority: 1 }, back: { priority: 10 } }],
    { front: { priority: 5 }, back: { priority: 5 }, third: { priority: -1 } },
    ...[{ front: { ipv4_address: "10.1.2.3" } }, { front: { ipv6_address: "fd00::7" } }],
    ...[
      { front: { link_local_ips: ["169.254.1.1", "169.254.1.2"] } },
      { default: null, front: null },
    ],
    ...[
      { front: { driver_opts: { a: "b", n: 1 } } },
      { front: { aliases: ["z", "z"] }, back: null },
    ],
  ],
  network_mode: [
    "host",
    "none",
    "bridge",
    "container:x",
    "service:b",
    "default",
    "disabled",
    "other",
  ],
  ipc: ["host", "shareable", "private", "none", "service:b", "container:x"],
  pid: ["host", "service:b", "container:x"],
  links: [["b"], ["b:alias", "two"], ["two:alias"], ["special:alias"]],
  external_links: [["other"], ["other:alias", "c"]],
  volumes_from: [["b"], ["b", "container:x"]],
  mac_address: ["02:42:ac:11:00:03"],
  secrets: [["file"], [{ source: "file", target: "t" }], [{ source: "file", target: "/abs/t" }]],
  configs: [["file"], [{ source: "file", target: "t/u" }], [{ source: "file", target: "/abs/t" }]],
};

/** Of limits, devices and the kernel. */
const KERNEL: Forms = {
  ...{ init: [true, false], cgroup: ["host", "private"], cgroup_parent: ["m-executor"] },
  ...{ uts: ["host"], userns_mode: ["host"], isolation: ["default", ""], runtime: ["runc"] },
  ...{ hostname: ["h", "h.example.com"], domainname: ["d"], user: ["1000:1000", "", "root"] },
  ...{ working_dir: ["/x", "rel"], tty: [true], stdin_open: [true], attach: [true, false] },
  ...{ read_only: [true], privileged: [true, false], stop_signal: ["SIGUSR1"], scale: [2, 0] },
  ...{ stop_grace_period: ["1m30s", "500ms", "1.5h", "0s", "1.999s"], platform: ["linux/amd64"] },
  ...{ cap_add: [["net_admin", "ALL", "CAP_CHOWN"]], cap_drop: [["ALL"], []] },
  ...{
    group_add: [["mail", 1000]],
    storage_opt: [{ size: "1G" }],
    oom_kill_disable: [true, false],
  },
  ...{ cpu_count: [2, "3"], cpu_percent: [50, "30"], cpu_period: [100000], cpu_quota: ["50000"] },
  ...{ cpu_rt_period: [1000, "1000"], cpu_rt_runtime: [950], cpu_shares: [73, "512", 0] },
  ...{ cpus: [0.5, "1.25", 0.1, 0.7, 3.14159, 0.29, 64], cpuset: ["0,1", "0-3"] },
  ...{ mem_limit: ["64m", 67108864, "1.5g", 0], mem_reservation: ["1g", 5], shm_size: ["64m", 9] },
  ...{ memswap_limit: ["1g", -1, 0], mem_swappiness: [60, 0, "10"], oom_score_adj: [-500, 0, 500] },
  ...{ pids_limit: [10, "500", -1, 0], device_cgroup_rules: [["c 1:3 mr", "a *:* rwm"]] },
  ...{ dns: ["8.8.8.8", ["1.1.1.1", "::1"]], dns_search: ["a.com", ["a.com", "."]] },
  ...{ dns_opt: [["ndots:1"]], sysctls: [{ "net.core.somaxconn": 1024 }, ["a.b=0"], {}] },
  extra_hosts: [
    ...[["a:1.2.3.4", "b=::1"], { z: "10.0.0.1", a: "10.0.0.2" }, ["h:host-gateway"], ["v6:[::1]"]],
    ...[["a=1.1.1.1", "a=2.2.2.2"], { a: ["1.1.1.1", "2.2.2.2"] }],
  ],
  logging: [
    ...[{}, { driver: "none" }, { options: { tag: "x" } }, { driver: "local", options: {} }],
    { driver: "json-file", options: { "max-size": "10m", "max-file": 3 } },
  ],
  security_opt: [
    ...[
      ["no-new-privileges"],
      ["no-new-privileges:true"],
      ["label:disable"],
      ["apparmor=unconfined"],
    ],
    ...[["seccomp=unconfined"], ["seccomp:builtin"], ["seccomp=profile.json"], []],
    ...[
      ["seccomp:./profile.json", "label=disable"],
      ["systempaths=unconfined", "label=disable"],
    ],
    ...[["systempaths:unconfined"], ["systempaths=other"]],
  ],
  ulimits: [
    ...[{ nofile: 65535 }, { nofile: { soft: 1, hard: 2 } }, { memlock: -1 }, { core: 0 }],
    ...[{ nproc: 5, nofile: { soft: 0, hard: 2 } }, { memlock: { soft: -1, hard: -1 } }],
  ],
  blkio_config: [
    ...[{ weight: 300 }, { weight_device: [{ path: "/dev/sda", weight: 400 }] }, {}],
    { device_read_bps: [{ path: "/dev/sdb", rate: "12mb" }], device_read_iops: [] },
    {
      device_write_iops: [{ path: "/b", rate: "30" }],
      device_write_bps: [{ path: "/b", rate: 9 }],
    },
  ],
  devices: [
    ...[["/dev/null"], ["/dev/null:/dev/x"], ["/dev/null:/dev/x:r"], ["/dev/null:rw"]],
    ...[["vendor.com/class=name"], ["nvidia.com/gpu=all"], ["nvidia.com/gpu=0:/dev/x"]],
    ...[
      ["1vendor.com/class=name"],
      ["vendor/class=_x"],
      ["vendor_x/class.y=0.1"],
      ["ven/class-=0"],
    ],
    [{ source: "/dev/a", target: "/dev/b", permissions: "r" }, "vendor.com/class=name"],
  ],
  gpus: [
    ...["all", [{}], [{ count: 1 }], [{ count: "all" }], [{ device_ids: ["0", "1"] }]],
    [{ driver: "nvidia", capabilities: ["utility"], options: { a: "b" } }, { options: ["a=b"] }],
  ],
  deploy: [
    ...[{ replicas: 2 }, { mode: "global", endpoint_mode: "vip", labels: { a: "b" } }, null],
    ...[
      ...[{ condition: "any" }, { condition: "none", max_attempts: 0 }, {}, { delay: "5s" }],
      { condition: "on-failure", max_attempts: 3 },
    ].map((restart_policy) => ({ restart_policy })),
    ...[
      ...[
        { memory: "64m" },
        { cpus: "0.5" },
        { cpus: 0.333 },
        { cpus: 2, pids: 100 },
        { pids: -1 },
      ],
    ].map((limits) => ({ resources: { limits, reservations: { memory: "1mb", cpus: "0.1" } } })),
    ...[
      ...[{}, { driver: "nvidia", count: 2, options: { a: "b" } }, { device_ids: ["0", "GPU-1"] }],
      { count: "all" },
    ].map((one) => ({
      resources: { reservations: { devices: [{ capabilities: ["gpu", "x"], ...one }] } },
    })),
  ],
};

/** Several fields that say something of each other. */
const TOGETHER: readonly object[] = [
  { ports: ["8080:80"], expose: ["80", "81/udp"], restart: "always", scale: 2, links: ["two:it"] },
  { container_name: "chosen", networks: { front: { aliases: ["z"] } } },
  { restart: "always", deploy: { restart_policy: { condition: "on-failure" } } },
  { mem_limit: "64m", deploy: { resources: { limits: { memory: "64m" } } } },
  { gpus: "all", devices: ["vendor.com/class=name", "/dev/null"] },
  { volumes: ["/a:/run/secrets/file", "data:/abs"], secrets: ["file"], labels: ["team=own"] },
  { secrets: [{ source: "file", target: "/x" }], configs: [{ source: "file", target: "/x" }] },
  { links: ["b:db"], external_links: ["outer"], networks: ["front", "back"] },
  { links: ["b:db"], network_mode: "bridge" },
  { mac_address: "02:42:ac:11:00:03", networks: { front: null, back: { priority: 3 } } },
  {
    labels: { owner: "own" },
    label_file: "labels.env",
    env_file: "vars.env",
    environment: ["A=own"],
  },
];

/** Only engines from API 1.49 on have all of these. */
export const NEW_FORMS: Forms = {
  annotations: [{ a: "b" }, ["a=b"]],
  healthcheck: [{ test: "x", start_period: "5s", start_interval: "1s" }],
  networks: [
    ...[
      { front: { mac_address: "02:42:ac:11:00:02" }, back: {} },
      { front: { interface_name: "e" } },
    ],
    { front: { mac_address: "02:42:ac:11:00:02" }, back: { mac_address: "02:42:ac:11:00:04" } },
    {
      front: { gw_priority: 1 },
      back: { gw_priority: 5, ipv4_address: "10.9.9.9", aliases: ["k"] },
    },
    { front: { interface_name: "eth7", driver_opts: { a: "b" } } },
  ],
  volumes: [
    { type: "volume", source: "data", volume: { subpath: "x/y" } },
    { type: "image", source: "busybox" },
    { type: "image", source: "busybox", read_only: true, image: { subpath: "x" } },
    { type: "bind", source: "/a", bind: { create_host_path: true, recursive: "readonly" } },
  ].map((one) => [{ target: "/b", ...one }]),
};

export const FORMS: Forms = { ...COMMON, ...KERNEL };
export const COMBINED: Forms = { together: TOGETHER };

export const NETWORKS = {
  ...{ front: {}, back: { labels: { a: "b" }, internal: true }, third: null },
  options: { driver: "bridge", driver_opts: { "com.docker.network.bridge.name": "x", n: 1500 } },
  ...{
    attached: { attachable: true, labels: ["a=b"], name: "another" },
    six: { enable_ipv6: true },
  },
  ...{ not4: { enable_ipv4: false, enable_ipv6: true }, four: { enable_ipv4: true } },
  ...{
    empty: { ipam: {} },
    none: { ipam: { config: [] } },
    driver: { ipam: { driver: "default" } },
  },
  pool: {
    ipam: {
      config: [
        {
          ...{ subnet: "10.1.0.0/16", gateway: "10.1.0.1", ip_range: "10.1.2.0/24" },
          aux_addresses: { h: "10.1.0.5" },
        },
        { subnet: "fd00::/64" },
      ],
    },
  },
};

export const VOLUMES = {
  ...{ data: {}, named: { name: "other" }, empty: null, local: { driver: "local" } },
  ...{ labelled: { labels: { a: "b" } }, plugin: { driver: "x", driver_opts: { a: "b", n: 5 } } },
  bound: { driver_opts: { type: "none", device: "/x", o: "bind" } },
};
