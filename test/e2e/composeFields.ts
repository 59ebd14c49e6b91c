/** What stands in a field of a service, in its short and long forms. */
import fc from "fast-check";

export type Fields = Readonly<Record<string, unknown>>;

const DURATIONS = ["500ms", "1s", "1m30s", "1.5h", "90s", "2m"];
const SIZES = ["64m", "1gb", 67108864, "512K", "1.5g"];
/** What JSON, Go and shells each write in their own way; `$$` is a dollar. */
const TEXTS = [
  ...["plain", "", "a b", "<a&b>", 'say "hi"', "back\\slash", "üñí\u2028", "line\nbreak", "$$HOME"],
  ...["${NAME:-unset}", "${FROM_DOT_ENV}", "0755", "1e3", "true", "null", "~", "a=b=c", "#no"],
];

export const text = fc.constantFrom(...TEXTS);
export const word = fc.constantFrom("alpha", "beta", "gamma-1", "delta_2", "e.f");
export const duration = fc.constantFrom(...DURATIONS);
export const size = fc.constantFrom<string | number>(...SIZES);
export const port = fc.integer({ min: 1, max: 65_000 });
export const flag = fc.boolean();
export const pairs = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Fields> =>
  fc.dictionary(word, value, { maxKeys: 4 });
export const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
  fc.uniqueArray(value, { minLength: 1, maxLength: 3, selector: (one) => JSON.stringify(one) });
/** As a map, or as the list of `key=value` that means the same. */
export const mapOrList = (value: fc.Arbitrary<string>): fc.Arbitrary<unknown> =>
  fc.oneof(
    pairs(value),
    pairs(value).map((map) => Object.entries(map).map(([key, one]) => `${key}=${String(one)}`)),
  );
export const optional = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Fields> =>
  fc.record(fields, { requiredKeys: [] });

export const command = fc.oneof(
  fc.array(text, { maxLength: 3 }),
  fc.constantFrom("run --fast 'two words'", 'sh -c "echo $$HOME"', ""),
  fc.constant(null),
);

export const ports = some(
  fc.oneof(
    port,
    fc.tuple(port, port).map(([host, target]) => `${host}:${target}`),
    fc.tuple(port, port).map(([host, target]) => `127.0.0.1:${host}:${target}/udp`),
    port.map((target) => `[::1]::${target}`),
    port.map((host) => `${host}-${host + 2}:${host}-${host + 2}`),
    fc
      .tuple(
        port,
        optional({
          published: fc.oneof(port, port.map(String)),
          host_ip: fc.constant("127.0.0.1"),
          protocol: fc.constantFrom("tcp", "udp"),
          mode: fc.constantFrom("host", "ingress"),
          name: word,
          app_protocol: word,
        }),
      )
      .map(([target, rest]) => ({ target, ...rest })),
  ),
);

export const mount = fc.oneof(
  fc.constantFrom(
    "./here:/there",
    "../up:/up:ro",
    "/abs:/abs:rw,z",
    "~/mine:/mine",
    "./c:/c:cached",
  ),
  fc.constantFrom("data:/data", "data:/ro:ro", "logs:/logs:nocopy", "/anonymous"),
  optional({
    read_only: flag,
    consistency: word,
    bind: optional({
      propagation: fc.constantFrom("rslave", "private"),
      create_host_path: flag,
      selinux: fc.constantFrom("z", "Z"),
    }),
  }).map((rest) => ({ type: "bind", source: "./long", target: "/long", ...rest })),
  optional({ read_only: flag, volume: optional({ nocopy: flag, subpath: word }) }).map((rest) => ({
    type: "volume",
    source: "data",
    target: "/volume",
    ...rest,
  })),
  optional({ tmpfs: optional({ size, mode: fc.constantFrom(0o1777, 0o700) }) }).map((rest) => ({
    type: "tmpfs",
    target: "/tmpfs",
    ...rest,
  })),
);

export const grant = (name: string): fc.Arbitrary<unknown> =>
  some(
    fc.oneof(
      fc.constant(name),
      optional({
        target: word,
        uid: fc.constant("103"),
        gid: fc.constant("104"),
        mode: fc.constantFrom<unknown>(0o440, "0444", "440"),
      }).map((rest) => ({ source: name, ...rest })),
    ),
  );

export const healthcheck = fc.oneof(
  fc.constant({ disable: true }),
  fc.constant({ test: ["NONE"] }),
  optional({
    test: fc.constantFrom<unknown>(
      "curl -f http://localhost || exit 1",
      ["CMD", "true"],
      ["CMD-SHELL", "a && b"],
    ),
    ...{ interval: duration, timeout: duration, start_period: duration, start_interval: duration },
    retries: fc.integer({ min: 0, max: 9 }),
  }),
);

export const serviceNetworks = fc.oneof(
  fc.constantFrom<unknown>(["front"], ["front", "back"], { front: null, back: {} }),
  optional({
    aliases: some(word),
    ipv4_address: fc.constant("10.1.2.3"),
    ipv6_address: fc.constant("fd00::7"),
    link_local_ips: fc.constant(["169.254.1.1"]),
    mac_address: fc.constant("02:42:ac:11:00:02"),
    priority: fc.integer({ min: 0, max: 100 }),
    gw_priority: fc.integer({ min: 0, max: 9 }),
    driver_opts: pairs(word),
  }).map((front) => ({ front, back: null })),
);

const update = optional({
  parallelism: fc.integer({ min: 0, max: 4 }),
  ...{ delay: duration, monitor: duration, max_failure_ratio: fc.constantFrom(0, 0.3) },
  ...{
    failure_action: fc.constantFrom("pause", "rollback", "continue"),
    order: fc.constantFrom("start-first", "stop-first"),
  },
});

export const deploy = optional({
  mode: fc.constant("replicated"),
  ...{ endpoint_mode: fc.constantFrom("vip", "dnsrr"), labels: mapOrList(text) },
  ...{ update_config: update, rollback_config: update },
  restart_policy: optional({
    condition: fc.constantFrom("on-failure", "any"),
    delay: duration,
    max_attempts: fc.integer({ min: 0, max: 5 }),
    window: duration,
  }),
  placement: optional({
    constraints: some(fc.constantFrom("node.role==manager")),
    max_replicas_per_node: fc.constant(2),
  }),
  resources: optional({
    limits: optional({
      cpus: fc.constantFrom<unknown>("0.5", 2, 0.25),
      memory: fc.constantFrom("64m", "1gb", "512K", "1.5g"),
      pids: fc.integer({ min: 1, max: 99 }),
    }),
    reservations: optional({
      cpus: fc.constant("0.25"),
      memory: fc.constantFrom("64m", "1gb", "512K", "1.5g"),
      devices: fc.constant([
        { driver: "nvidia", count: 1, capabilities: ["gpu"], options: { a: "b" } },
      ]),
    }),
  }),
});
