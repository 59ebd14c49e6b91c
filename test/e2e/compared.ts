/** What two programs asked of an engine, or what it shows of it, without what may differ. */

/** Ours alone, of the version that writes it, chosen by the engine, a time, or said twice. */
const LEFT_OUT = new Set([
  ...["com.docker.compose.version", "com.docker.compose.image", "CheckDuplicate", "ConsoleSize"],
  ...["IPAddress", "IPv6Gateway", "Id", "Created", "CreatedAt", "Containers", "Mountpoint"],
]);
/** Whose order is nobody's choice. */
const UNORDERED = /^(Env|Binds|Mounts|Ulimits|ExtraHosts|Aliases|Links|DNSNames)$/;
/** Empty here is not the same as absent. */
const TELLING = /^(Cmd|Entrypoint|MaskedPaths|ReadonlyPaths|Init|EnableIPv4|MemorySwappiness)$/;

export function compared(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => compared(item));
    if (!UNORDERED.test(key)) return items;
    const byText = new Map(items.map((item) => [JSON.stringify(item), item]));
    return [...byText].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
  }
  if (key === "com.docker.compose.depends_on") return String(value).split(",").sort().join(",");
  if (typeof value !== "object" || value === null) return value;
  if (key === "ExposedPorts") return [...new Set(Object.keys(value).flatMap(eachPort))].sort();
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !LEFT_OUT.has(name) && !name.startsWith("dso."))
      .map(([name, one]) => [name, compared(one, name)] as const)
      .filter(([name, one]) => one !== null && (TELLING.test(name) || !isZero(one)))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** What Go writes for a field that nobody set; no restart policy has a name for itself. */
function isZero(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === "" || value === 0 || value === false || value === "no";
}

/** Compose sends a range as it stands in the file, of which the engine makes nothing. */
function eachPort(port: string): readonly string[] {
  const [, first = "", last = first, protocol = "tcp"] =
    /^(\d+)(?:-(\d+))?(?:\/(.*))?$/.exec(port) ?? [];
  const count = Number(last) - Number(first) + 1;
  return Array.from({ length: count }, (_, index) => `${Number(first) + index}/${protocol}`);
}
