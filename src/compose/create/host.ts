/** HostConfig: what the container may use of its host. */
import type { HostConfig, RestartPolicy } from "../../model/engine.ts";
import type { ServiceModel } from "../../model/project.ts";
import type { CreateContext } from "./context.ts";
import { containerOf, namespaceMode, refusal } from "./context.ts";
import { requireFeature } from "./features.ts";
import { links } from "./links.ts";
import { mountsOf } from "./mounts.ts";
import { portBindings } from "./ports.ts";
import { compact, resources } from "./resources.ts";
import { security } from "./security.ts";

export function hostConfig(
  service: ServiceModel,
  networkMode: string,
  context: CreateContext,
): HostConfig {
  const { binds, mounts } = mountsOf(service, context);
  if (service.annotations !== undefined) requireFeature(context, "annotations", "annotations");
  return {
    ...resources(service),
    ...security(service, context),
    ...names(service),
    ...compact({
      Binds: binds,
      Mounts: mounts,
      NetworkMode: networkMode,
      PortBindings: portBindings(service),
      RestartPolicy: restartPolicy(service, context),
      Annotations: service.annotations,
      CgroupnsMode: service.cgroup,
      GroupAdd: service.group_add,
      Init: service.init,
      Isolation: service.isolation,
      IpcMode: namespaceMode(context, "ipc", service),
      Links: links(service, context),
      LogConfig: logging(service),
      OomScoreAdj: service.oom_score_adj,
      PidMode: namespaceMode(context, "pid", service),
      Privileged: service.privileged,
      ReadonlyRootfs: service.read_only,
      Runtime: service.runtime,
      ShmSize: service.shm_size === undefined ? undefined : Number(service.shm_size),
      StorageOpt: service.storage_opt,
      Sysctls: service.sysctls,
      Tmpfs: tmpfs(service),
      UTSMode: service.uts,
      UsernsMode: service.userns_mode,
      VolumesFrom: volumesFrom(service, context),
    }),
  };
}

function restartPolicy(service: ServiceModel, context: CreateContext): RestartPolicy {
  const policy = policyOf(service);
  const deployed = service.deploy?.restart_policy;
  const field = deployed === undefined ? ["restart"] : ["deploy", "restart_policy", "condition"];
  const name = (deployed === undefined ? service.restart : deployed.condition) ?? "";
  if (policy === undefined) {
    const what = `names a restart policy that does not exist: "${name.split(":", 1)[0] ?? ""}"`;
    throw refusal(context, field, what, RESTART_HINT);
  }
  if (policy.Name === "on-failure" || policy.MaximumRetryCount === undefined) return policy;
  const what = `is "${name}", which has no number of attempts`;
  throw refusal(context, field, what, "Use on-failure, or take the number out.");
}

/** `deploy.restart_policy` stands above `restart`; undefined for a policy that does not exist. */
export function policyOf(service: ServiceModel): RestartPolicy | undefined {
  const deployed = service.deploy?.restart_policy;
  const [name = "", attempts = ""] =
    deployed === undefined
      ? (service.restart ?? "").split(":", 2)
      : [deployed.condition ?? "", String(deployed.max_attempts ?? "")];
  const Name = POLICIES.get(name);
  if (Name === undefined) return undefined;
  const count = Number(attempts);
  return count > 0 && Name !== "no" ? { Name, MaximumRetryCount: count } : { Name };
}

const RESTART_HINT = "Use no, always, unless-stopped or on-failure[:attempts].";

const POLICIES: ReadonlyMap<string, RestartPolicy["Name"]> = new Map([
  ["", "no"],
  ["no", "no"],
  ["none", "no"],
  ["any", "always"],
  ["always", "always"],
  ["on-failure", "on-failure"],
  ["unless-stopped", "unless-stopped"],
]);

function logging({ logging }: ServiceModel): HostConfig[string] {
  if (logging === undefined) return undefined;
  return { Type: logging.driver ?? "", Config: logging.options ?? {} };
}

/** `/run:size=64m` is a path and its options. */
function tmpfs({ tmpfs: entries }: ServiceModel): HostConfig[string] {
  if (entries === undefined) return undefined;
  return Object.fromEntries(
    entries.map((entry) => {
      const [path = "", ...options] = entry.split(":");
      return [path, options.join(":")];
    }),
  );
}

function names(service: ServiceModel): HostConfig {
  return compact({
    Dns: service.dns,
    DnsOptions: service.dns_opt,
    DnsSearch: service.dns_search,
    ExtraHosts: service.extra_hosts?.map((entry) => entry.replace("=", ":")),
  });
}

function volumesFrom({ volumes_from }: ServiceModel, context: CreateContext): HostConfig[string] {
  return volumes_from?.map((entry) => {
    if (entry.startsWith("container:")) return entry.slice("container:".length);
    const [service = "", ...mode] = entry.split(":");
    return [containerOf(context, service, "volumes_from"), ...mode].join(":");
  });
}
