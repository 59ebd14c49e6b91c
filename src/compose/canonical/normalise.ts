/** What a project implies: the default network, dependencies, names. */
import { lendToForerunners } from "./forerunners.ts";
import { eachService, servicesOf } from "../services.ts";
import {
  entriesOf,
  fromJson,
  get,
  isNull,
  itemsOf,
  mapping,
  scalar,
  textAt,
  withEntry,
} from "../node.ts";
import type { Mapping, Node } from "../node.ts";

export function normalise(document: Mapping, name: string): Mapping {
  const services = eachService(document, (service) =>
    [
      attachDefaultNetwork,
      setDockerfile,
      implyDependencies,
      settlePullPolicy,
      lendToForerunners,
    ].reduce((node, change) => change(node), service),
  );
  const networks = withDefaultNetwork(services);
  return ["networks", "volumes", "secrets", "configs"].reduce(
    (node, kind) => nameResources(node, kind, name),
    withName(networks, name),
  );
}

export function withName(document: Mapping, name: string): Mapping {
  return withEntry(document, "name", scalar(name, document.at));
}

function attachDefaultNetwork(service: Mapping): Mapping {
  const { entries } = service;
  if (entries.has("provider") || entries.has("network_mode")) return service;
  const networks = entries.get("networks");
  if (networks !== undefined && entriesOf(networks).size > 0) return service;
  return withEntry(
    service,
    "networks",
    mapping([["default", scalar(null, service.at)]], service.at),
  );
}

function setDockerfile(service: Mapping): Mapping {
  const build = service.entries.get("build");
  if (build?.kind !== "mapping") return service;
  const named = textAt(build, "dockerfile") ?? textAt(build, "dockerfile_inline");
  if (named !== undefined) return service;
  return withEntry(
    service,
    "build",
    withEntry(build, "dockerfile", scalar("Dockerfile", build.at)),
  );
}

function settlePullPolicy(service: Mapping): Mapping {
  const policy = service.entries.get("pull_policy");
  if (policy === undefined || textAt(policy) !== "if_not_present") return service;
  return withEntry(service, "pull_policy", scalar("missing", policy.at));
}

function implyDependencies(service: Mapping): Mapping {
  const implied = new Map<string, Node>();
  const imply = (name: string, from: Node, restart: boolean) => {
    const dependency = { condition: "service_started", required: true };
    if (implied.has(name)) return;
    implied.set(name, fromJson(restart ? { ...dependency, restart } : dependency, from.at));
  };
  for (const link of itemsOf(service.entries.get("links"))) {
    imply(textAt(link)?.split(":")[0] ?? "", link, true);
  }
  for (const field of ["network_mode", "ipc", "pid", "uts", "cgroup"]) {
    const node = service.entries.get(field);
    const target = /^service:(.*)$/s.exec(textAt(node) ?? "")?.[1];
    if (node !== undefined && target !== undefined) imply(target, node, true);
  }
  for (const from of itemsOf(service.entries.get("volumes_from"))) {
    const [target = ""] = (textAt(from) ?? "").split(":");
    if (target !== "container") imply(target, from, false);
  }
  if (implied.size === 0) return service;
  const own = service.entries.get("depends_on");
  const all = new Map([...implied, ...entriesOf(own)]);
  return withEntry(service, "depends_on", mapping(all, own?.at ?? service.at));
}

/** The default network is declared where some service is on it. */
function withDefaultNetwork(document: Mapping): Mapping {
  const used = servicesOf(document).some(
    ([, service]) => get(service, "networks", "default") !== undefined,
  );
  const networks = document.entries.get("networks");
  if (!used || entriesOf(networks).has("default")) return document;
  const at = networks?.at ?? document.at;
  const all = new Map([...entriesOf(networks), ["default", mapping([], at)] as const]);
  return withEntry(document, "networks", mapping(all, at));
}

function nameResources(document: Mapping, kind: string, project: string): Mapping {
  const resources = document.entries.get(kind);
  if (resources?.kind !== "mapping") return document;
  const named = [...resources.entries].map(([key, node]) => {
    const resource = isNull(node) ? mapping([], node.at) : node;
    if (resource.kind !== "mapping" || textAt(resource, "name") !== undefined)
      return [key, resource] as const;
    const external = textAt(resource, "external") === "true";
    const name = scalar(external ? key : `${project}_${key}`, resource.at);
    return [key, withEntry(resource, "name", name)] as const;
  });
  return withEntry(document, kind, { ...resources, entries: new Map(named) });
}
