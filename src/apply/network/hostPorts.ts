import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { DsoError, type Position, hasCode } from "../../model/errors.ts";
import { isJob } from "../../model/jobs.ts";
import type { Plan } from "../../model/plan.ts";
import type { PublishedPort } from "../../model/ports.ts";
import type { ApplyContext } from "../context.ts";

interface WantedPort extends PublishedPort {
  readonly service: string;
  readonly position: Position | undefined;
}

interface Make {
  readonly service: string;
  readonly number: number;
}

/**
 * Host ports that new containers want and that somebody else has or wants too: a
 * container that this plan does not stop, on this host another program, or another
 * one of them.
 */
export async function findTakenPorts(
  plan: Plan,
  makes: readonly Make[],
  context: ApplyContext,
  signal: AbortSignal,
): Promise<readonly DsoError[]> {
  const names = [...new Set(makes.map(({ service }) => service))];
  const wanted = names.flatMap((name) => portsOf(name, context));
  if (wanted.length === 0) return [];
  const leaving = leavingIds(plan);
  const holders = (await context.engine.listContainers({}, signal)).flatMap(
    ({ id, name, publishedPorts }) => publishedPorts.map((port) => ({ id, name, port })),
  );
  const faults = [...findShared(makes, context)];
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

function portsOf(service: string, { desired }: ApplyContext): readonly WantedPort[] {
  return (desired.services.get(service)?.model.ports ?? []).flatMap((port, index) => {
    // Of a range the engine picks a free one by itself.
    if (port.published === undefined || !/^[1-9]\d*$/.test(port.published)) return [];
    return {
      service,
      hostIp: port.host_ip ?? "",
      hostPort: Number(port.published),
      protocol: port.protocol ?? "tcp",
      position: desired.project.positions.at(["services", service, "ports", index]),
    };
  });
}

/** Ports that only the first of several new containers could have; each is told once. */
function findShared(makes: readonly Make[], context: ApplyContext): readonly DsoError[] {
  const { desired } = context;
  const given: { readonly make: Make; readonly port: WantedPort }[] = [];
  const faults = new Map<string, DsoError>();
  for (const make of makes) {
    const service = desired.services.get(make.service);
    // A job has ended, and given its ports back, before who waits for it begins.
    if (service === undefined || isJob(desired, service)) continue;
    for (const port of portsOf(make.service, context)) {
      const first = given.find((one) => collide(one.port, port));
      if (first === undefined) given.push({ make, port });
      else if (!faults.has(nameOf(port))) faults.set(nameOf(port), shared(port, make, first.make));
    }
  }
  return [...faults.values()];
}

function nameOf({ service, hostIp, hostPort, protocol }: WantedPort): string {
  const where = isEverywhere(hostIp) ? "" : `${hostIp}:`;
  return `service ${service} publishes host port ${where}${hostPort}/${protocol}`;
}

function shared(port: WantedPort, make: Make, first: Make): DsoError {
  const another = "Publish another port.";
  if (first.service !== make.service) {
    return fault(`${nameOf(port)}, and so does service ${first.service}`, another, port);
  }
  if (first.number === make.number) return fault(`${nameOf(port)} more than once`, another, port);
  const range = "Publish a range of ports, so that each replica finds a free one.";
  return fault(`${nameOf(port)}, and so do its other replicas`, range, port);
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

function taken(port: WantedPort, who: string): DsoError {
  const hint = "Stop what has it, or publish another port.";
  return fault(`${nameOf(port)}, which ${who} has`, hint, port);
}

function fault(message: string, hint: string, { position }: WantedPort): DsoError {
  return new DsoError("port-taken", message, {
    hint,
    ...(position === undefined ? {} : { position }),
  });
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
