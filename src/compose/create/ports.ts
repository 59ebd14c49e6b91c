/** Ports that a container exposes, and those that the host publishes. */
import type { HostConfig } from "../../model/engine.ts";
import type { PortModel, ServiceModel } from "../../model/project.ts";

export function exposedPorts(
  service: ServiceModel,
): Readonly<Record<string, Record<string, never>>> {
  const published = (service.ports ?? []).map(portKey);
  const exposed = (service.expose ?? []).flatMap(expand);
  return Object.fromEntries([...published, ...exposed].map((port) => [port, {}]));
}

/** A published range lets the engine choose; an absent port means any free one. */
export function portBindings(service: ServiceModel): NonNullable<HostConfig["PortBindings"]> {
  const byPort = Map.groupBy(service.ports ?? [], portKey);
  return Object.fromEntries(
    [...byPort].map(([key, ports]) => [
      key,
      ports.map(({ host_ip, published = "" }) => ({
        ...(host_ip === undefined ? {} : { HostIp: host_ip }),
        HostPort: published,
      })),
    ]),
  );
}

function portKey({ target, protocol = "tcp" }: PortModel): string {
  return `${target}/${protocol}`;
}

/** `3000-3002/udp` is three ports. */
function expand(text: string): readonly string[] {
  const [range = "", protocol = "tcp"] = text.split("/", 2);
  const [first = "", last = first] = range.split("-", 2);
  if (!/^\d+$/.test(first) || !/^\d+$/.test(last)) return [`${range}/${protocol}`];
  const length = Math.max(0, Number(last) - Number(first)) + 1;
  return Array.from({ length }, (_, i) => `${Number(first) + i}/${protocol}`);
}
