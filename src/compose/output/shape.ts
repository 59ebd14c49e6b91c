/**
 * The fields of the canonical model in the order in which Compose declares them:
 * its hash and its output depend on that order, and on which empty values stay.
 */
export type Shape =
  | { readonly kind: "value"; readonly keep: Keep }
  | { readonly kind: "list"; readonly item: Shape; readonly keep: Keep }
  | { readonly kind: "map"; readonly entry: Shape; readonly keep: Keep }
  | { readonly kind: "struct"; readonly fields: ReadonlyMap<string, Shape>; readonly keep: Keep };

type Struct = Extract<Shape, { readonly kind: "struct" }>;

/**
 * `filled`: left out when zero or empty. `set`: left out when absent. `always`: written even then; `shown`:
 * the same, but not in YAML.
 */
export type Keep = "filled" | "set" | "always" | "shown";

const value: Shape = { kind: "value", keep: "filled" };
const pointer: Shape = { kind: "value", keep: "set" };
const always: Shape = { kind: "value", keep: "always" };
const shown: Shape = { kind: "value", keep: "shown" };

function list(item: Shape = value): Shape {
  return { kind: "list", item, keep: "filled" };
}

function map(entry: Shape = always): Shape {
  return { kind: "map", entry, keep: "filled" };
}

/** Names that stand for plain optional values, and the fields that are more than that. */
function struct(order: string, special: Readonly<Record<string, Shape>> = {}): Struct {
  const fields = order
    .trim()
    .split(/\s+/)
    .map((name) => [name, special[name] ?? value] as const);
  return { kind: "struct", fields: new Map(fields), keep: "set" };
}

/** In their place where the order has one, else at the end. */
function withFields({ fields, ...rest }: Struct, more: Readonly<Record<string, Shape>>): Struct {
  return { ...rest, fields: new Map([...fields, ...Object.entries(more)]) };
}

function kept<T extends Shape>(shape: T, keep: Keep): T {
  return { ...shape, keep };
}

const device = struct("capabilities driver count device_ids options", {
  capabilities: list(),
  device_ids: list(),
  options: map(),
});

const resource = struct("cpus memory pids devices generic_resources", {
  devices: list(device),
  generic_resources: list(
    struct("discrete_resource_spec", {
      discrete_resource_spec: struct("kind value", { kind: always, value: always }),
    }),
  ),
});

const update = struct("parallelism delay failure_action monitor max_failure_ratio order", {
  parallelism: pointer,
});

const ulimits = map({ ...struct("single soft hard"), keep: "always" });

const hook = struct("command image user privileged working_dir environment per_replica", {
  command: shown,
  environment: map(),
});

const fileGrant = struct("source target uid gid mode", { mode: pointer });

const build = struct(
  `context dockerfile dockerfile_inline entitlements args provenance sbom ssh labels cache_from
  cache_to no_cache no_cache_filter additional_contexts pull extra_hosts isolation network target
  secrets shm_size tags ulimits platforms privileged`,
  {
    entitlements: list(),
    args: map(),
    ssh: list(),
    labels: map(),
    cache_from: list(),
    cache_to: list(),
    no_cache_filter: list(),
    additional_contexts: map(),
    extra_hosts: list(),
    secrets: list(fileGrant),
    tags: list(),
    ulimits,
    platforms: list(),
  },
);

const throttle = list(struct("Path Rate", { Path: always }));

const blkio = struct(
  "weight weight_device device_read_bps device_read_iops device_write_bps device_write_iops",
  {
    weight_device: list(struct("Path Weight", { Path: always })),
    device_read_bps: throttle,
    device_read_iops: throttle,
    device_write_bps: throttle,
    device_write_iops: throttle,
  },
);

const deploy = struct(
  `mode replicas labels update_config rollback_config resources restart_policy placement
  endpoint_mode`,
  {
    replicas: pointer,
    labels: map(),
    update_config: update,
    rollback_config: update,
    resources: kept(
      struct("limits reservations", { limits: resource, reservations: resource }),
      "shown",
    ),
    restart_policy: struct("condition delay max_attempts window", {
      delay: pointer,
      max_attempts: pointer,
      window: pointer,
    }),
    placement: kept(
      struct("constraints preferences max_replicas_per_node", {
        constraints: list(),
        preferences: list(struct("spread")),
      }),
      "shown",
    ),
  },
);

const develop = struct("watch", {
  watch: list(
    struct("path action target exec include ignore initial_sync", {
      path: always,
      action: always,
      exec: kept(hook, "shown"),
      include: list(),
      ignore: list(),
    }),
  ),
});

const serviceNetwork = struct(
  `aliases driver_opts gw_priority interface_name ipv4_address ipv6_address link_local_ips
  mac_address priority`,
  { aliases: list(), driver_opts: map(), link_local_ips: list() },
);

const volume = struct("type source target read_only consistency bind volume tmpfs image", {
  bind: struct("selinux propagation create_host_path recursive", { create_host_path: pointer }),
  volume: struct("labels nocopy subpath", { labels: map() }),
  tmpfs: struct("size mode"),
  image: struct("subpath"),
});

const healthcheck = struct("test timeout interval retries start_period start_interval disable", {
  test: list(),
  timeout: pointer,
  interval: pointer,
  retries: pointer,
  start_period: pointer,
  start_interval: pointer,
});

const CONTAINER = struct(
  `profiles annotations attach build develop blkio_config cap_add cap_drop cgroup_parent cgroup
  cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpus cpuset cpu_shares
  command configs container_name credential_spec depends_on deploy device_cgroup_rules devices dns
  dns_opt dns_search dockerfile domainname entrypoint provider environment env_file expose extends
  external_links extra_hosts group_add gpus hostname healthcheck image init ipc isolation labels
  label_file links logging log_driver log_opt mem_limit mem_reservation memswap_limit mem_swappiness
  mac_address models net network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform
  ports privileged pull_policy read_only restart runtime scale secrets security_opt shm_size
  stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user
  userns_mode uts volume_driver volumes volumes_from working_dir pre_start post_start pre_stop
  pull_refresh_after`,
  {
    profiles: list(),
    annotations: map(),
    attach: pointer,
    build,
    develop,
    blkio_config: blkio,
    cap_add: list(),
    cap_drop: list(),
    command: shown,
    configs: list(fileGrant),
    credential_spec: struct("config file registry"),
    depends_on: map(struct("condition restart required", { condition: always, required: always })),
    deploy,
    device_cgroup_rules: list(),
    devices: list(struct("source target permissions")),
    dns: list(),
    dns_opt: list(),
    dns_search: list(),
    entrypoint: shown,
    provider: struct("type options", { options: map() }),
    environment: map(),
    env_file: list(struct("path required format", { required: always })),
    expose: list(),
    external_links: list(),
    extra_hosts: list(),
    group_add: list(),
    gpus: list(device),
    healthcheck,
    init: pointer,
    labels: map(),
    label_file: list(),
    links: list(),
    logging: struct("driver options", { options: map() }),
    models: map(kept(struct("endpoint_var model_var"), "always")),
    networks: map(kept(serviceNetwork, "always")),
    ports: list(struct("name mode host_ip target published protocol app_protocol")),
    scale: pointer,
    secrets: list(fileGrant),
    security_opt: list(),
    stop_grace_period: pointer,
    storage_opt: map(),
    sysctls: map(),
    tmpfs: list(),
    ulimits,
    volumes: list(volume),
    volumes_from: list(),
    post_start: list(hook),
    pre_stop: list(hook),
  },
);

/** A container that runs before the service's own is described as that is. */
const before = list(withFields(CONTAINER, { per_replica: value }));

export const SERVICE = withFields(CONTAINER, { pre_start: before });

/** What a service is, and when it runs. */
export const JOB = withFields(SERVICE, {
  triggers: struct("schedule", { schedule: list(struct("cron")) }),
});

/** A top-level model. */
export const MODEL = struct("name model context_size runtime_flags", { runtime_flags: list() });

export const NETWORK = struct(
  "name driver driver_opts ipam external internal attachable labels enable_ipv4 enable_ipv6",
  {
    driver_opts: map(),
    ipam: kept(
      struct("driver config options", {
        config: list(struct("subnet gateway ip_range aux_addresses", { aux_addresses: map() })),
        options: map(),
      }),
      "shown",
    ),
    labels: map(),
    enable_ipv4: pointer,
    enable_ipv6: pointer,
  },
);

export const VOLUME = struct("name driver driver_opts external labels", {
  driver_opts: map(),
  labels: map(),
});

export const FILE_SOURCE = struct(
  "name file environment content external labels driver driver_opts template_driver",
  { labels: map(), driver_opts: map() },
);
