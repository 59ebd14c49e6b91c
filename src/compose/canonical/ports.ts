/** Short forms of `ports`: `[ip:][host:]container[/protocol]`, each side maybe a range. */
import { isIP } from "node:net";
import { invalidAt } from "../fault.ts";
import { mapping, scalar } from "../node.ts";
import type { Node, Path } from "../node.ts";

interface Range {
  readonly first: number;
  readonly last: number;
}

interface ShortPort {
  readonly ip: string;
  readonly host: Range | undefined;
  readonly container: Range;
  readonly protocol: string;
}

/** The list in its long form; one item for each port of a range. */
export function canonicalPorts(node: Node, path: Path): Node {
  if (node.kind !== "sequence") return node;
  return {
    ...node,
    items: node.items.flatMap((item, i) => canonicalPort(item, [...path, i])),
  };
}

function canonicalPort(item: Node, path: Path): readonly Node[] {
  if (item.kind === "mapping") return [item];
  if (
    item.kind !== "scalar" ||
    item.float === true ||
    (typeof item.value === "number" && item.value < 0)
  ) {
    throw invalidAt(path, "is no port", item, 'Write "host:container", in quotes.');
  }
  const parsed = parsePort(item.text);
  if (typeof parsed === "string") {
    throw invalidAt(path, parsed, item, 'Write "host:container", in quotes.');
  }
  return expandPort(parsed).map((port) =>
    mapping(
      Object.entries(port).map(([key, value]) => [key, scalar(value, item.at)] as const),
      item.at,
    ),
  );
}

/** The parts, or what is wrong with the text. */
function parsePort(text: string): ShortPort | string {
  const parts = text.split(":");
  const last = parts.pop() ?? "";
  const host = parts.pop() ?? "";
  const ip = parts.join(":").replace(/^\[(.*)\]$/, "$1");
  const [port = "", protocol = "tcp"] = last.split("/", 2);
  if (ip !== "" && (isIP(ip) === 0 || ip.includes("%"))) return `"${ip}" is no IP address`;
  if (port === "") return "the container's port is missing";
  const container = parseRange(port);
  if (container === undefined || container.first === 0)
    return `"${port}" is no port of a container`;
  const hostRange = host === "" ? undefined : parseRange(host);
  if (host !== "" && hostRange === undefined) return `"${host}" is no port of the host`;
  const known = protocol === "" ? "tcp" : protocol.toLowerCase();
  if (!["tcp", "udp", "sctp"].includes(known)) return `"${protocol}" is no protocol`;
  if (hostRange !== undefined && !fits(hostRange, container)) {
    return `the ranges ${host} and ${port} differ in length`;
  }
  return { ip, host: hostRange, container, protocol: known };
}

function parseRange(text: string): Range | undefined {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first <= last && last <= 65535 ? { first, last } : undefined;
}

/** A range of host ports for one container port lets the engine choose among them. */
function fits(host: Range, container: Range): boolean {
  const single = container.first === container.last;
  return single || host.last - host.first === container.last - container.first;
}

function expandPort({ ip, host, container, protocol }: ShortPort) {
  const single = container.first === container.last;
  const length = container.last - container.first + 1;
  const ports = Array.from({ length }, (_, i) => {
    const published =
      host === undefined
        ? {}
        : single && host.first !== host.last
          ? { published: `${host.first}-${host.last}` }
          : { published: String(host.first + i) };
    const address = ip === "" ? {} : { host_ip: ip };
    return { mode: "ingress", ...address, target: container.first + i, ...published, protocol };
  });
  return ports.toSorted((a, b) => (String(a.target) < String(b.target) ? -1 : 1));
}
