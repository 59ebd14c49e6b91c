import { COMPOSE } from "../../model/labels.ts";
import type { ServiceModel } from "../../model/project.ts";
import type { CreateContext } from "./context.ts";

/** The version of Compose whose labels, names and hashes are written; its programs show it. */
export const COMPOSE_VERSION = "5.6.0";

export function containerLabels(
  service: ServiceModel,
  context: CreateContext,
): Readonly<Record<string, string>> {
  const { project, serviceName, number, imageId, configHash } = context;
  return {
    ...service.labels,
    [COMPOSE.project]: project.name,
    [COMPOSE.service]: serviceName,
    [COMPOSE.configHash]: configHash,
    [COMPOSE.oneoff]: "False",
    [COMPOSE.number]: String(number),
    [COMPOSE.image]: imageId,
    [COMPOSE.dependsOn]: dependsOn(service),
    [COMPOSE.workingDir]: project.workingDir,
    [COMPOSE.configFiles]: project.files.join(","),
    ...(project.environmentFiles.length === 0
      ? {}
      : { [COMPOSE.environmentFile]: project.environmentFiles.join(",") }),
    [COMPOSE.version]: COMPOSE_VERSION,
  };
}

function dependsOn(service: ServiceModel): string {
  return Object.entries(service.depends_on ?? {})
    .map(([name, { condition, restart = false }]) => `${name}:${condition}:${String(restart)}`)
    .toSorted()
    .join(",");
}
