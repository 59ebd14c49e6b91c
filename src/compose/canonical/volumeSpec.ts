/** The short form of a service's volume: `source:target:options`. */
import path from "node:path";

export interface VolumeSpec {
  readonly type: "bind" | "volume";
  readonly source?: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly nocopy: boolean;
  readonly propagation?: string;
  readonly selinux?: string;
}

const PROPAGATIONS = new Set(["rprivate", "private", "rshared", "shared", "rslave", "slave"]);

/** The parts, or why the text has none. */
export function parseVolumeSpec(spec: string): VolumeSpec | { readonly fault: string } {
  if (spec === "") return { fault: "an empty volume" };
  const parts = spec.length <= 2 ? [spec] : split(spec);
  if (parts.includes("")) return { fault: `"${spec}" has an empty part between colons` };
  const [first = "", second, options = ""] = parts;
  if (parts.length > 3) return { fault: `"${spec}" has too many colons` };
  if (second === undefined) {
    return { type: "volume", target: first, readOnly: false, nocopy: false };
  }
  const words = options.split(",");
  const propagation = words.findLast((word) => PROPAGATIONS.has(word));
  const selinux = words.findLast((word) => word === "z" || word === "Z");
  return {
    type: isFilePath(first) ? "bind" : "volume",
    source: first,
    target: second,
    readOnly: words.findLast((word) => word === "ro" || word === "rw") === "ro",
    nocopy: words.includes("nocopy"),
    ...(propagation === undefined ? {} : { propagation }),
    ...(selinux === undefined ? {} : { selinux }),
  };
}

/** A colon after a single letter belongs to a Windows drive, and one within `${…}` to a variable. */
function split(spec: string): string[] {
  const parts = [""];
  for (const character of spec) {
    const part = parts.at(-1) ?? "";
    if (character === ":" && !/^\p{L}$|\$\{[^}]*$/u.test(part)) parts.push("");
    else parts[parts.length - 1] = part + character;
  }
  return parts;
}

function isFilePath(source: string): boolean {
  return /^[./~]/.test(source) || source.startsWith("\\\\") || /^\p{L}:/u.test(source);
}

export function cleanTarget(target: string): string {
  if (target === "") return "";
  const clean = path.posix.normalize(target);
  return clean.length > 1 && clean.endsWith("/") ? clean.slice(0, -1) : clean;
}
