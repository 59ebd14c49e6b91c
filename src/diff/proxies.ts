/** Reverse proxies that are steered by what stands at a container, and send it requests on their own. */
import type { ImageDetail } from "../model/observed.ts";
import type { ServiceModel } from "../model/project.ts";

/** What makes nginx-proxy serve a container. */
const NGINX_VARIABLES: ReadonlySet<string> = new Set(["VIRTUAL_HOST", "VIRTUAL_HOST_MULTIPORTS"]);
/** Of one site, or of several: `caddy`, `caddy.reverse_proxy`, `caddy_0`, `caddy_1.tls`. */
const CADDY_LABEL = /^caddy(_\d+)?(\.|$)/;

/**
 * Why the service's successor would get requests before it has proven itself; empty where nothing
 * leads there. Traefik alone leaves out a container whose healthcheck has not succeeded yet.
 */
export function labelProxies(
  model: ServiceModel,
  image: ImageDetail | undefined,
): readonly string[] {
  const labels = Object.entries(model.labels ?? {});
  const waits = hasHealthcheck(model, image);
  return [
    ...(isOfTraefik(labels) && !waits
      ? ["Traefik would use a container without a healthcheck at once"]
      : []),
    ...(labels.some(([label]) => CADDY_LABEL.test(label))
      ? ["caddy would use a new container at once"]
      : []),
    ...(Object.keys(model.environment ?? {}).some((name) => NGINX_VARIABLES.has(name))
      ? ["nginx-proxy would use a new container at once"]
      : []),
  ];
}

/** It reads its labels in any letter case. */
function isOfTraefik(labels: readonly (readonly [string, string])[]): boolean {
  const own = labels
    .map(([label, value]) => [label.toLowerCase(), value.toLowerCase()] as const)
    .filter(([label]) => label.startsWith("traefik."));
  const isOff = own.some(([label, value]) => label === "traefik.enable" && value === "false");
  return own.length > 0 && !isOff;
}

/** Whether the engine checks its health: as the files say, else as the image does. */
export function hasHealthcheck(
  { healthcheck }: ServiceModel,
  image: ImageDetail | undefined,
): boolean {
  if (healthcheck?.disable === true) return false;
  const test = healthcheck?.test ?? image?.healthcheckTest;
  return test !== undefined && test.length > 0 && test[0] !== "NONE";
}
