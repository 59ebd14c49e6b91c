/** Limits, reservations and devices of a container. */
import type { HostConfig } from "../../model/engine.ts";
import type { ServiceModel } from "../../model/project.ts";

type Part = Readonly<Record<string, unknown>>;

export function resources(service: ServiceModel): Part {
  const { limits, reservations } = service.deploy?.resources ?? {};
  return compact({
    Memory: bytes(limits?.memory ?? service.mem_limit),
    MemoryReservation: bytes(reservations?.memory ?? service.mem_reservation),
    MemorySwap: bytes(service.memswap_limit),
    MemorySwappiness: number(service.mem_swappiness),
    NanoCpus: nanoCpus(Number(limits?.cpus ?? service.cpus ?? 0)),
    PidsLimit: pidsLimit(limits?.pids, service.pids_limit),
    CpuCount: service.cpu_count,
    CpuPercent: hundredths(service.cpu_percent),
    CpuPeriod: service.cpu_period,
    CpuQuota: service.cpu_quota,
    CpuRealtimePeriod: service.cpu_rt_period,
    CpuRealtimeRuntime: service.cpu_rt_runtime,
    CpuShares: service.cpu_shares,
    CpusetCpus: service.cpuset,
    CgroupParent: service.cgroup_parent,
    OomKillDisable: service.oom_kill_disable === true,
    DeviceCgroupRules: service.device_cgroup_rules,
    ...blkio(service.blkio_config),
    ...devices(service),
    Ulimits: ulimits(service),
  });
}

/** Without the entries that say nothing. */
export function compact(part: Part): Part {
  return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined));
}

/** In single precision, as Compose reckons: another last digit would look like drift. */
function nanoCpus(cpus: number): number | undefined {
  return cpus === 0 ? undefined : Math.trunc(Math.fround(Math.fround(cpus) * 1e9));
}

/** A limit of `deploy` that is none leaves the service's own. */
function pidsLimit(limit: number | undefined, own: number | undefined): number | undefined {
  if (limit !== undefined && limit > 0) return limit;
  return own === 0 ? undefined : own;
}

function hundredths(percent: unknown): number | undefined {
  return percent === undefined ? undefined : Math.trunc(Number(percent) * 100);
}

function number(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function bytes(size: string | undefined): number | undefined {
  return size === undefined ? undefined : Number(size);
}

function ulimits({ ulimits }: ServiceModel): HostConfig[string] {
  if (ulimits === undefined) return undefined;
  return Object.entries(ulimits).map(([Name, limit]) =>
    typeof limit === "number"
      ? { Name, Soft: limit, Hard: limit }
      : { Name, Soft: limit.soft, Hard: limit.hard },
  );
}

interface BlkioModel {
  readonly weight?: number;
  readonly weight_device?: readonly { readonly Path: string; readonly Weight: number }[];
  readonly [key: string]: unknown;
}

const THROTTLES = {
  BlkioDeviceReadBps: "device_read_bps",
  BlkioDeviceReadIOps: "device_read_iops",
  BlkioDeviceWriteBps: "device_write_bps",
  BlkioDeviceWriteIOps: "device_write_iops",
} as const;

function blkio(model: unknown): Part {
  if (model === undefined) return {};
  const config = model as BlkioModel;
  const throttles = Object.entries(THROTTLES).map(([target, source]) => {
    const limits = config[source] as readonly { Path: string; Rate: string }[] | undefined;
    return [target, limits?.map(({ Path, Rate }) => ({ Path, Rate: Number(Rate) }))] as const;
  });
  return {
    BlkioWeight: config.weight,
    BlkioWeightDevice: config.weight_device,
    ...Object.fromEntries(throttles),
  };
}

interface DeviceModel {
  readonly capabilities?: readonly string[];
  readonly driver?: string;
  readonly count?: number;
  readonly device_ids?: readonly string[];
  readonly options?: Readonly<Record<string, string>>;
}

/**
 * `vendor.com/class=name` names a device of the Container Device Interface: vendor and class begin with a
 * letter, the name with a letter or a digit, and each ends with one of these.
 */
const CDI =
  /^[A-Za-z](?:[\w.-]*[A-Za-z\d])?\/[A-Za-z](?:[\w.-]*[A-Za-z\d])?=[A-Za-z\d](?:[\w.:-]*[A-Za-z\d])?$/;

function devices(service: ServiceModel): Part {
  const all = service.devices ?? [];
  const cdi = all.filter(({ source, target }) => source === target && CDI.test(source));
  const reserved = service.deploy?.resources?.reservations?.devices ?? [];
  const gpus = (service.gpus ?? []) as readonly DeviceModel[];
  const requests = [
    ...reserved.map((device) => deviceRequest(device as DeviceModel, [])),
    ...(cdi.length === 0 ? [] : [{ Driver: "cdi", DeviceIDs: cdi.map(({ source }) => source) }]),
    ...gpus.map((device) => deviceRequest(device, ["gpu"])),
  ];
  const plain = all
    .filter((device) => !cdi.includes(device))
    .map(({ source, target, permissions }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: permissions,
    }));
  return {
    Devices: plain.length === 0 ? undefined : plain,
    DeviceRequests: requests.length === 0 ? undefined : requests,
  };
}

function deviceRequest(device: DeviceModel, implied: readonly string[]): Part {
  return compact({
    Driver: device.driver,
    Count: device.count,
    DeviceIDs: device.device_ids,
    Capabilities: [[...(device.capabilities ?? []), ...implied]],
    Options: device.options,
  });
}
