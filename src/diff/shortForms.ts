/** The one-line forms in which people write what the model spells out. */
import { isDeepStrictEqual } from "node:util";
import type {
  ForerunnerModel,
  Json,
  MountModel,
  PortModel,
  ServiceModel,
} from "../model/project.ts";
import { byText } from "./order.ts";

/** The value as a plan shows it: ports and volumes in their short form, the rest as it is. */
export function shortForm(path: readonly string[], value: Json, owner: ServiceModel): Json {
  if (path.length === 2 && path[0] === "networks" && (value === null || isEmpty(value)))
    return "attached";
  if (path.length !== 1 || !isList(value)) return value;
  if (path[0] === "ports") return (value as unknown as PortModel[]).map(portText).sort(byText);
  if (path[0] === "volumes") return (value as unknown as MountModel[]).map(mountText);
  if (HOOKS.has(path[0] ?? "")) {
    return (value as unknown as ForerunnerModel[]).map((hook) => hookText(hook, owner));
  }
  return value;
}

const HOOKS: ReadonlySet<string> = new Set(["pre_start", "post_start", "pre_stop"]);

/** The command as it would be typed, and then whatever else it is given that its service has not. */
function hookText({ command, ...rest }: ForerunnerModel, owner: ServiceModel): string {
  const { environment = {}, ...more } = rest;
  const own = Object.entries(environment).filter(
    ([key, text]) => owner.environment?.[key] !== text,
  );
  const all = own.length === 0 ? more : { ...more, environment: Object.fromEntries(own) };
  const given = Object.entries(all).filter(
    ([key, value]) => value !== null && !isDeepStrictEqual(value, owner[key]),
  );
  const words = (command ?? []).map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word),
  );
  const others = given.length === 0 ? [] : [JSON.stringify(Object.fromEntries(given))];
  return [...words, ...others].join(" ");
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function isEmpty(value: Json): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** `127.0.0.1:8080:80/tcp` */
function portText(port: PortModel): string {
  const host = port.host_ip === undefined ? "" : `${port.host_ip}:`;
  const published = port.published === undefined ? "" : `${port.published}:`;
  return `${host}${published}${port.target}/${port.protocol ?? "tcp"}`;
}

/** `data:/var/lib/data:ro`; kinds that have no short form begin with their name. */
function mountText(mount: MountModel): string {
  const kind = mount.type === "volume" || mount.type === "bind" ? "" : `${mount.type} `;
  const source = mount.source === undefined ? "" : `${mount.source}:`;
  return `${kind}${source}${mount.target}${mount.read_only === true ? ":ro" : ""}`;
}
