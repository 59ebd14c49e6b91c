/** Limits, reservations and devices of a container. */
import type { HostConfig } from "../../model/engine.ts";
import type { ServiceModel } from "../../model/project.ts";

type Part = Readonly<Record<string, unknown>>;

export function resources(service: ServiceModel): Part {
  const { limits, reservations } = service.deploy?.resources ?? {};
  const cpus = Number(limits?.cpus ?? service.cpus ?? 0);
  return compact({
    Memory: bytes(limits?.memory ?? service.mem_limit),
    MemoryReservation: bytes(reservations?.memory ?? service.mem_reservation),
    MemorySwap: bytes(service.memswap_limit),
    MemorySwappiness: number(service.mem_swappiness),
    NanoCpus: cpus === 0 ? undefined : Math.round(cpus * 1e9),
    PidsLimit: limits?.pids ?? service.pids_limit,
    CpuCount: service.cpu_count,
    CpuPercent: service.cpu_percent,
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

/** `vendor.com/class=name` names a device of the Container Device Interface. */
const CDI = /^[A-Za-z0-9][\w.-]*\/[\w.-]+=[\w.:-]+$/;

function devices(service: ServiceModel): Part {
  const all = service.devices ?? [];
  const cdi = all.filter(({ source, target }) => source === target && CDI.test(source));
  const reserved = service.deploy?.resources?.reservations?.devices ?? [];
  const gpus = (service.gpus ?? []) as readonly DeviceModel[];
  const requests = [
    ...reserved.map((device) => deviceRequest(device as DeviceModel, [])),
    ...gpus.map((device) => deviceRequest(device, ["gpu"])),
    ...(cdi.length === 0 ? [] : [{ Driver: "cdi", DeviceIDs: cdi.map(({ source }) => source) }]),
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
