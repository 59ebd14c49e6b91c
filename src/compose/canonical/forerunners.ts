/** What the containers of `pre_start` have of their service. */
import { mergeService } from "../merge/merge.ts";
import { changeEntry, entriesOf, mapping, textAt, toJson } from "../node.ts";
import type { Mapping, Node } from "../node.ts";

/** What a container is; volumes are not among them, for those come with the mounts of the service's own. */
const LENT: ReadonlySet<string> = new Set(
  `annotations blkio_config cap_add cap_drop cgroup cgroup_parent command configs cpu_count cpu_percent
  cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec
  device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment extra_hosts
  gpus group_add hostname image init ipc isolation label_file labels logging mac_address mem_limit
  mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable oom_score_adj
  pid pids_limit platform privileged pull_policy pull_refresh_after read_only runtime secrets security_opt
  shm_size stop_grace_period stop_signal storage_opt sysctls tmpfs ulimits use_api_socket user userns_mode
  uts volumes_from working_dir`.split(/\s+/),
);

/** Of these each side is a mapping by now, which the rules of a merge would take for a list. */
const MAPPINGS = ["environment", "labels", "annotations", "sysctls"] as const;

/** Merged below what an entry says itself, as `extends` does; what both have alike is there once. */
export function lendToForerunners(service: Mapping): Mapping {
  const lent = new Map([...service.entries].filter(([key]) => LENT.has(key)));
  const lend = (item: Node): Node =>
    item.kind === "mapping" ? merged({ ...service, entries: lent }, item) : item;
  return changeEntry(service, "pre_start", (list) =>
    list.kind === "sequence" ? { ...list, items: list.items.map(lend) } : list,
  ) as Mapping;
}

function merged(base: Mapping, item: Mapping): Mapping {
  const rest = mergeService(without(base), without(item), "");
  const entries = new Map([...rest.entries].map(([key, node]) => [key, distinct(key, node)]));
  for (const key of MAPPINGS) {
    const all = [base, item].flatMap((from) => [...entriesOf(from.entries.get(key))]);
    if (all.length > 0) entries.set(key, mapping(all, item.at));
  }
  return { ...item, entries };
}

function without(side: Mapping): Mapping {
  const kept = [...side.entries].filter(([key]) => !MAPPINGS.some((one) => one === key));
  return { ...side, entries: new Map(kept) };
}

/** A command may say the same word twice. */
function distinct(key: string, node: Node): Node {
  if (node.kind !== "sequence" || key === "command" || key === "entrypoint") return node;
  const seen = new Map<string, Node>();
  for (const item of node.items) {
    const text = JSON.stringify(toJson(item));
    if (!seen.has(text)) seen.set(text, item);
  }
  const items = [...seen.values()];
  return { ...node, items: key === "extra_hosts" ? items.toSorted(byText) : items };
}

function byText(a: Node, b: Node): number {
  return (textAt(a) ?? "") < (textAt(b) ?? "") ? -1 : 1;
}
