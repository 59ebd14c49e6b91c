/** Addresses as numbers, so that ranges can be compared and counted. */
export interface Subnet {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;

/** `10.1.2.0/24` or `fd00::/64`; undefined when the text is none. Host bits are cleared. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = "", prefixText = ""] = text.split("/");
  const parsed = parseAddress(address);
  if (parsed === undefined || !/^\d{1,3}$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  if (prefix > BITS[parsed.family]) return undefined;
  const size = sizeOf({ family: parsed.family, prefix });
  return { family: parsed.family, first: (parsed.value / size) * size, prefix };
}

export function parseAddress(
  text: string,
): { readonly family: 4 | 6; readonly value: bigint } | undefined {
  const value = text.includes(":") ? parse6(text) : parse4(text);
  return value === undefined ? undefined : { family: text.includes(":") ? 6 : 4, value };
}

function parse4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function parse6(text: string): bigint | undefined {
  const [address = ""] = text.split("%");
  const halves = address.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const [head = [], tail] = halves;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length > 2 || (tail === undefined ? missing !== 0 : missing < 1)) return undefined;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

/** The usual notation; for IPv6 the longest run of zero groups is shortened. */
export function formatAddress(family: 4 | 6, value: bigint): string {
  if (family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".");
  }
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(16 * (7 - index))) & 65_535n).toString(16),
  );
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.family, subnet.first)}/${subnet.prefix}`;
}

export function sizeOf(subnet: Pick<Subnet, "family" | "prefix">): bigint {
  return 1n << BigInt(BITS[subnet.family] - subnet.prefix);
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.family === b.family && a.first < b.first + sizeOf(b) && b.first < a.first + sizeOf(a);
}

export function contains(subnet: Subnet, other: Subnet): boolean {
  return overlaps(subnet, other) && other.prefix >= subnet.prefix;
}

export function lowerHalf(subnet: Subnet): Subnet {
  return { ...subnet, prefix: subnet.prefix + 1 };
}

export function upperHalf(subnet: Subnet): Subnet {
  const half = lowerHalf(subnet);
  return { ...half, first: subnet.first + sizeOf(half) };
}
