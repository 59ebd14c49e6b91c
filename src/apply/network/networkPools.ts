import type { Desired } from "../../model/desired.ts";
import { DsoError } from "../../model/errors.ts";
import type { NetworkModel } from "../../model/project.ts";
import { contains, parseAddress, parseSubnet, type Subnet } from "./cidr.ts";

type Pool = NonNullable<NonNullable<NetworkModel["ipam"]>["config"]>[number];
type Path = readonly (string | number)[];

/** An address or a range, and where it stands. */
interface Item {
  readonly what: string;
  readonly text: string | undefined;
  readonly path: Path;
}

const BITS = { 4: 32, 6: 128 } as const;

/** Subnets that are none, and gateways, ranges and fixed addresses that lie outside of theirs. */
export function findPoolFaults(
  key: string,
  model: NetworkModel,
  desired: Desired,
): readonly DsoError[] {
  const pools = model.ipam?.config ?? [];
  const inPools = pools.flatMap((pool, index) => {
    const path: Path = ["networks", key, "ipam", "config", index];
    return faultsOfPool(`network "${key}"`, pool, path, desired);
  });
  const subnets = pools.flatMap(({ subnet = "" }) => parseSubnet(subnet) ?? []);
  if (inPools.length > 0) return inPools;
  return fixedAddresses(key, desired).flatMap(({ what, text, path, family }) => {
    const same = subnets.filter((subnet) => subnet.family === family);
    // Without one in the file the engine chooses, and answers by its own rules.
    if (same.length === 0) return [];
    return outside(what, { what: "the address", text, path }, same, desired);
  });
}

function faultsOfPool(who: string, pool: Pool, path: Path, desired: Desired): readonly DsoError[] {
  if (pool.subnet === undefined || pool.subnet === "") return [];
  const subnet = parseSubnet(pool.subnet);
  if (subnet === undefined) {
    const message = `${who} has the subnet "${pool.subnet}", which is no subnet`;
    const hint = "Write an address and the length of its prefix, for example 10.20.0.0/24.";
    return [fault(message, hint, [...path, "subnet"], desired)];
  }
  const items: readonly Item[] = [
    { what: "the gateway", text: pool.gateway, path: [...path, "gateway"] },
    { what: "the ip_range", text: pool.ip_range, path: [...path, "ip_range"] },
    ...Object.entries(pool.aux_addresses ?? {}).map(([name, text]) => ({
      ...{ what: `the address of "${name}"`, text, path: [...path, "aux_addresses", name] },
    })),
  ];
  return items.flatMap((item) => outside(who, item, [subnet], desired));
}

function outside(
  who: string,
  { what, text, path }: Item,
  subnets: readonly Subnet[],
  desired: Desired,
): readonly DsoError[] {
  if (text === undefined || text === "") return [];
  const range = text.includes("/") ? parseSubnet(text) : single(text);
  if (range === undefined) {
    const hint = "Write an address of the network's subnet.";
    return [fault(`${who} has ${what} "${text}", which is none`, hint, path, desired)];
  }
  if (subnets.some((subnet) => contains(subnet, range))) return [];
  const message = `${who} has ${what} ${text}, which is not in the network's subnet`;
  return [fault(message, "Choose one inside it, or change the subnet.", path, desired)];
}

function single(text: string): Subnet | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  return { family: address.family, first: address.value, prefix: BITS[address.family] };
}

function fixedAddresses(
  key: string,
  { services }: Desired,
): readonly (Item & Pick<Subnet, "family">)[] {
  return [...services.values()].flatMap(({ name, model }) => {
    const wanted = model.networks?.[key];
    return ([4, 6] as const).map((family) => {
      const field = `ipv${family}_address` as const;
      const path: Path = ["services", name, "networks", key, field];
      return { what: `service ${name}`, text: wanted?.[field], path, family };
    });
  });
}

function fault(message: string, hint: string, path: Path, { project }: Desired): DsoError {
  const position = project.positions.at(path);
  return new DsoError("compose-invalid", message, {
    hint,
    ...(position === undefined ? {} : { position }),
  });
}
