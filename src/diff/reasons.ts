import type { Reason } from "../model/plan.ts";

/** By top-level key of a service: what a change of it is called. */
const CODES: Readonly<Record<string, string>> = {
  image: "image_changed",
  environment: "env_changed",
  command: "command_changed",
  entrypoint: "command_changed",
  ports: "ports_changed",
  expose: "ports_changed",
  volumes: "mounts_changed",
  volumes_from: "mounts_changed",
  tmpfs: "mounts_changed",
  networks: "networks_changed",
  network_mode: "networks_changed",
  labels: "labels_changed",
  healthcheck: "healthcheck_changed",
  secrets: "files_changed",
  configs: "files_changed",
  restart: "restart_changed",
};

/** More names than this are counted, not listed. */
const NAMED = 4;

/** One reason for each kind of attribute among the changed paths of a service. */
export function pathReasons(paths: readonly (readonly string[])[]): readonly Reason[] {
  const groups = new Map<string, string[]>();
  for (const [key = "", ...rest] of paths) {
    const code = CODES[key] ?? "config_changed";
    // `image_changed` says it all; `env_changed` does not.
    const name = code === "config_changed" ? key : rest.join(".");
    const group = groups.get(code) ?? [];
    if (name !== "" && !group.includes(name)) group.push(name);
    groups.set(code, group);
  }
  return [...groups].map(([code, names]) => ({
    code,
    detail: names.length === 0 ? undefined : nameList(names),
  }));
}

export function nameList(names: readonly string[]): string {
  if (names.length <= NAMED) return names.join(", ");
  return `${names.slice(0, NAMED - 1).join(", ")} and ${names.length - NAMED + 1} more`;
}

/** `image_changed`, or `secret_rotated: vault:db#password`. */
function reasonText({ code, detail }: Reason): string {
  return detail === undefined ? code : `${code}: ${detail}`;
}

export function reasonsText(reasons: readonly Reason[]): string {
  return reasons.map(reasonText).join("; ");
}
