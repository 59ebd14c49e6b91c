/** What `docker update` can change in a container that stands: only an inspect shows it. */
import { policyOf } from "../compose/create/host.ts";
import { resources } from "../compose/create/resources.ts";
import type { HostConfig, RestartPolicy } from "../model/engine.ts";
import type { ServiceModel } from "../model/project.ts";

/** The engine's key, and what people write. */
const LIMITS: readonly (readonly [string, string])[] = [
  ["Memory", "mem_limit"],
  ["MemoryReservation", "mem_reservation"],
  ["MemorySwap", "memswap_limit"],
  ["NanoCpus", "cpus (in billionths)"],
  ["CpuPeriod", "cpu_period"],
  ["CpuQuota", "cpu_quota"],
  ["CpuShares", "cpu_shares"],
  ["CpusetCpus", "cpuset"],
  ["PidsLimit", "pids_limit"],
  ["BlkioWeight", "blkio_config.weight"],
];

/** One phrase for each limit, and for the restart policy, that is not what the model makes. */
export function changedLimits(model: ServiceModel, found: HostConfig): readonly string[] {
  const made = resources(model);
  const limits = LIMITS.flatMap(([key, name]) => {
    const [was, is] = [limitText(made[key]), limitText(found[key])];
    const chosenByEngine = key === "MemorySwap" && was === NONE && made["Memory"] !== undefined;
    return was === is || chosenByEngine ? [] : [`${name} is ${is} instead of ${was}`];
  });
  const [was, is] = [policyText(policyOf(model)), policyText(found.RestartPolicy)];
  return [...limits, ...(was === is ? [] : [`restart is "${is}" instead of "${was}"`])];
}

const NONE = "none";

/** The engine writes nothing, 0 or -1 for no limit. */
function limitText(value: unknown): string {
  if (typeof value === "number") return value > 0 ? String(value) : NONE;
  return typeof value === "string" && value !== "" ? value : NONE;
}

function policyText({ Name, MaximumRetryCount = 0 }: Partial<RestartPolicy> = {}): string {
  if (Name === undefined || Name === "") return "no";
  return Name === "on-failure" && MaximumRetryCount > 0 ? `${Name}:${MaximumRetryCount}` : Name;
}
