import { formatSubnet, lowerHalf, overlaps, parseSubnet, sizeOf, type Subnet } from "./cidr.ts";

/**
 * Where our networks go. 172.31 is left out because a cloud's default network
 * has it, 172.17 and 192.168.0-127 because engines and homes do.
 */
const POOLS = ["172.30", "172.29", "172.28", "172.27", "172.26", "172.25", "172.24", "172.23"]
  .concat(["172.22", "172.21", "172.20", "172.19", "172.18"])
  .map((head) => `${head}.0.0/16`)
  .concat(["192.168.128.0/17", "10.192.0.0/10"]);

const LARGEST_PREFIX = 24;
const SMALLEST_PREFIX = 16;
/** A replica needs two addresses while it is replaced, and freed ones rest for a while. */
const ADDRESSES_PER_ENDPOINT = 4;

/** A free IPv4 subnet with room for so many endpoints; undefined when every pool is taken. */
export function chooseSubnet(endpoints: number, taken: readonly Subnet[]): Subnet | undefined {
  const prefix = prefixFor(endpoints);
  for (const pool of POOLS) {
    const found = firstFree(pool, prefix, taken);
    if (found !== undefined) return found;
  }
  return undefined;
}

function prefixFor(endpoints: number): number {
  const wanted = BigInt(endpoints * ADDRESSES_PER_ENDPOINT + 8);
  let prefix = LARGEST_PREFIX;
  while (prefix > SMALLEST_PREFIX && sizeOf({ family: 4, prefix: prefix + 1 }) < wanted) prefix--;
  return prefix;
}

function firstFree(poolText: string, prefix: number, taken: readonly Subnet[]): Subnet | undefined {
  const pool = parseSubnet(poolText);
  if (pool === undefined || pool.prefix > prefix) return undefined;
  const step = sizeOf({ family: 4, prefix });
  const end = pool.first + sizeOf(pool);
  let first = pool.first;
  while (first < end) {
    const candidate: Subnet = { family: 4, first, prefix };
    const blocker = taken.find((other) => overlaps(candidate, other));
    if (blocker === undefined) return candidate;
    const after = blocker.first + sizeOf(blocker);
    first = ((after + step - 1n) / step) * step;
  }
  return undefined;
}

/** A unique local /64 from 40 random bits given as ten hex digits. */
export function uniqueLocalSubnet(hex: string): Subnet {
  return { family: 6, first: BigInt(`0xfd${hex.slice(0, 10)}0000`) << 64n, prefix: 64 };
}

/** The engine hands out the lower half by itself; the upper one is ours. */
export function ipamConfig(subnet: Subnet): { readonly Subnet: string; readonly IPRange: string } {
  return { Subnet: formatSubnet(subnet), IPRange: formatSubnet(lowerHalf(subnet)) };
}
