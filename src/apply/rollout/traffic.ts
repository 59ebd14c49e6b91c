/** To whom the service's names lead: the engine's name server knows the containers with its aliases. */
import type { EndpointConfig } from "../../model/engine.ts";
import type { RotationEndpoint, RotationMember } from "../../model/journal.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { isConflict, isRefusal } from "../failure.ts";
import type { RotationTools } from "../journal/rotation.ts";

type Tools = Pick<RotationTools, "engine">;
type Placed = Pick<RotationMember, "endpoints">;

/** What could not be had, by network. */
export interface Placing {
  /** The container is there under another address. */
  readonly moved: readonly string[];
  /** Somebody has removed it: nobody can be led there, until the next plan makes it anew. */
  readonly gone: readonly string[];
}

/**
 * Leads the names to the container: on every network it is connected anew with the aliases, under
 * the address that it has.
 */
export function offer(
  tools: Tools,
  container: ContainerDetail,
  { endpoints }: Placed,
  signal: AbortSignal,
): Promise<Placing> {
  return place(tools, container, endpoints, signal);
}

/** Leads them there no more. Connections live on: the address stays. */
export function withdraw(
  tools: Tools,
  container: ContainerDetail,
  { endpoints }: Placed,
  signal: AbortSignal,
): Promise<Placing> {
  const nameless = endpoints.map((endpoint) => ({ ...endpoint, aliases: [] }));
  return place(tools, container, nameless, signal);
}

/** Whether anybody is led to the container by an alias. */
export function isOffered({ networks }: Pick<ContainerDetail, "networks">): boolean {
  return networks.some(({ aliases }) => aliases.length > 0);
}

/** What is as wanted stays untouched, so that whoever was killed half way begins again. */
async function place(
  { engine }: Tools,
  { id, networks }: ContainerDetail,
  endpoints: readonly RotationEndpoint[],
  signal: AbortSignal,
): Promise<Placing> {
  const placing = { moved: new Array<string>(), gone: new Array<string>() };
  for (const wanted of endpoints) {
    const { network } = wanted;
    const now = networks.find((one) => one.network === network);
    if (now !== undefined && sameNames(now.aliases, wanted.aliases)) continue;
    if (now !== undefined) await engine.disconnectNetwork(network, id, signal);
    try {
      if (!(await connect(engine, id, wanted, signal))) placing.moved.push(network);
    } catch (error) {
      // Asked again, the engine would refuse again, and whoever goes back would never get there.
      const gone = isRefusal(error) && (await engine.inspectNetwork(network, signal)) === undefined;
      if (!gone) throw error;
      placing.gone.push(network);
    }
  }
  return placing;
}

function sameNames(some: readonly string[], others: readonly string[]): boolean {
  const [a, b] = [new Set(some), new Set(others)];
  return a.size === b.size && [...a].every((name) => b.has(name));
}

/** Whether the address could be kept. Without one the container is better off than without a network. */
async function connect(
  engine: Tools["engine"],
  id: string,
  { network, aliases, ipv4, ipv6, options }: RotationEndpoint,
  signal: AbortSignal,
): Promise<boolean> {
  const body: EndpointConfig = { ...options, Aliases: aliases };
  const address = {
    ...(ipv4 === undefined ? {} : { IPv4Address: ipv4 }),
    ...(ipv6 === undefined ? {} : { IPv6Address: ipv6 }),
  };
  if (Object.keys(address).length === 0) {
    await engine.connectNetwork(network, id, body, signal);
    return true;
  }
  try {
    await engine.connectNetwork(network, id, { ...body, IPAMConfig: address }, signal);
    return true;
  } catch (error) {
    // The subnet is the engine's own choice, or somebody took the address in between.
    if (!isRefusal(error) && !isConflict(error)) throw error;
    await engine.connectNetwork(network, id, body, signal);
    return false;
  }
}
