import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { hasCode } from "../../lib/files.ts";
import { DsoError, type Position } from "../../model/errors.ts";
import type { Plan } from "../../model/plan.ts";
import type { PublishedPort } from "../../model/ports.ts";
import type { ApplyContext } from "../context.ts";

interface WantedPort extends PublishedPort {
  readonly service: string;
  readonly position: Position | undefined;
}

type Makes = readonly { readonly service: string }[];

/**
 * Host ports that new containers want and that somebody else has: a container
 * that this plan does not stop, or, on this host, another program.
 */
export async function findTakenPorts(
  plan: Plan,
  makes: Makes,
  context: ApplyContext,
  signal: AbortSignal,
): Promise<readonly DsoError[]> {
  const wanted = wantedPorts(makes, context);
  if (wanted.length === 0) return [];
  const leaving = leavingIds(plan);
  const holders = (await context.engine.listContainers({}, signal)).flatMap(
    ({ id, name, publishedPorts }) => publishedPorts.map((port) => ({ id, name, port })),
  );
  const faults: DsoError[] = [];
  for (const port of wanted) {
    const clashing = holders.filter((holder) => collide(holder.port, port));
    const other = clashing.find(({ id }) => !leaving.has(id));
    if (other !== undefined) faults.push(taken(port, `container ${other.name}`));
    // What leaves still has the port now, so binding it would prove nothing.
    else if (clashing.length === 0 && context.observed.engine.local && !(await isFree(port))) {
      faults.push(taken(port, "another program on this host"));
    }
  }
  return faults;
}

function wantedPorts(makes: Makes, { desired }: ApplyContext): readonly WantedPort[] {
  const names = [...new Set(makes.map(({ service }) => service))];
  return names.flatMap((service) =>
    (desired.services.get(service)?.model.ports ?? []).flatMap((port, index) => {
      // Of a range the engine picks a free one by itself.
      if (port.published === undefined || !/^[1-9]\d*$/.test(port.published)) return [];
      return {
        service,
        hostIp: port.host_ip ?? "",
        hostPort: Number(port.published),
        protocol: port.protocol ?? "tcp",
        position: desired.project.positions.at(["services", service, "ports", index]),
      };
    }),
  );
}

/** Containers that give their ports up while the plan is carried out. */
function leavingIds(plan: Plan): ReadonlySet<string> {
  return new Set(
    plan.operations.flatMap((operation) => {
      switch (operation.kind) {
        case "remove-container":
        case "stop-container":
          return [operation.containerId];
        case "replace-container":
          return [operation.oldId];
        default:
          return [];
      }
    }),
  );
}

function collide(a: PublishedPort, b: PublishedPort): boolean {
  const same = a.hostIp === b.hostIp || isEverywhere(a.hostIp) || isEverywhere(b.hostIp);
  return same && a.hostPort === b.hostPort && a.protocol === b.protocol;
}

function isEverywhere(ip: string): boolean {
  return ip === "" || ip === "0.0.0.0" || ip === "::";
}

function taken(
  { service, hostIp, hostPort, protocol, position }: WantedPort,
  who: string,
): DsoError {
  const where = isEverywhere(hostIp) ? "" : `${hostIp}:`;
  return new DsoError(
    "port-taken",
    `service ${service} publishes host port ${where}${hostPort}/${protocol}, which ${who} has`,
    {
      hint: "Stop what has it, or publish another port.",
      ...(position === undefined ? {} : { position }),
    },
  );
}

/** Only "in use" counts: a port that this user may not bind says nothing about the engine. */
function isFree({ hostIp, hostPort, protocol }: PublishedPort): Promise<boolean> {
  const host = isEverywhere(hostIp) ? "0.0.0.0" : hostIp;
  if (protocol === "tcp") return isFreeTcp(host, hostPort);
  return protocol === "udp" ? isFreeUdp(host, hostPort) : Promise.resolve(true);
}

function isFreeTcp(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => {
      resolve(!hasCode(error, "EADDRINUSE"));
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

function isFreeUdp(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.once("error", (error) => {
      socket.close();
      resolve(!hasCode(error, "EADDRINUSE"));
    });
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.close(() => {
        resolve(true);
      });
    });
  });
}
