/** How a service changes, and why not better. */
import { type DesiredService, referencesOf } from "../model/desired.ts";
import type { ImageDetail } from "../model/observed.ts";
import type { Method, Reason } from "../model/plan.ts";
import type { MountModel, ServiceModel } from "../model/project.ts";
import { valueName } from "../model/reference.ts";
import { type Pace, updatePolicy } from "../model/updates.ts";
import { labelProxies } from "./proxies.ts";
import { singleWriter } from "./writers.ts";

export interface Choice {
  readonly method: Method;
  /** Why no more can be had, for people; empty where nothing is given up. */
  readonly forcedBy: readonly string[];
}

/** Reasons that are about values alone: the strategy `none` is about these. */
const VALUE_CODES: ReadonlySet<string> = new Set([
  "secret_rotated",
  "unknown_version",
  "config_content_changed",
  "provider_changed",
]);

/** What the choice of a method depends on beside the service itself. */
export interface Circumstances {
  readonly image: ImageDetail | undefined;
  readonly reasons: readonly Reason[];
  /** In words: services whose containers live in a namespace, or on the volumes, of this one's. */
  readonly joined: readonly string[];
  /** Where it has volumes of its own making, which its successor inherits. */
  readonly anonymous: readonly string[];
  /** A network that it is on is taken down first. */
  readonly uprooted: boolean;
  /** It runs to an end, by what the files say. */
  readonly job: boolean;
  /** Somebody could be served by it now. */
  readonly serving: boolean;
  /** It reads its files from a directory of ours that is there. */
  readonly refreshable: boolean;
  readonly pace: Pace;
}

/**
 * `none` where only values changed and the service's strategy is to leave such a change to people;
 * `refresh` where it is to be told of new files, and only files of the directory change; blue-green where two containers of it can run at once; else stop-first, with what forces it. What
 * does not serve needs no other to serve meanwhile.
 */
export function chooseMethod(
  service: DesiredService,
  { image, reasons, joined, anonymous, uprooted, job, serving, refreshable, pace }: Circumstances,
): Choice {
  const valuesOnly = isOfValues(reasons);
  if (service.policy.strategy === "none" && valuesOnly) {
    return { method: "none", forcedBy: ['strategy "none": it is reported and left to you'] };
  }
  const { strategy } = service.policy;
  const asked = valuesOnly && (strategy === "signal" || strategy === "refresh");
  if (asked && serving && refreshable && unrefreshable(service, reasons).length === 0) {
    return { method: "refresh", forcedBy: [] };
  }
  const forcedBy = [
    ...exclusiveness(service, image, pace),
    ...anonymous
      .filter((target) => !service.policy.shared.includes(target))
      .filter((target) => image?.volumes.includes(target) !== true)
      .map((target) => `the anonymous volume at ${target}`),
    ...(uprooted ? ["a network of it that is made anew"] : []),
    ...joined,
    ...(job ? ["a run to an end, of which there must not be two"] : []),
  ];
  return { method: forcedBy.length === 0 && serving ? "blue-green" : "stop-first", forcedBy };
}

/** Whether values alone are why. */
export function isOfValues(reasons: readonly Reason[]): boolean {
  return reasons.length > 0 && reasons.every(({ code }) => VALUE_CODES.has(code));
}

/** The places that new files do not reach: variables, and binds of a single file, which keep the old one. */
export function unrefreshable(
  { bindings, files }: DesiredService,
  reasons: readonly Reason[],
): readonly string[] {
  const changed = new Set(reasons.flatMap(({ detail }) => detail ?? []));
  const single = new Set(files.flatMap((file) => (file.inDirectory ? [] : [file.target])));
  const stuck = bindings
    .filter(({ template }) => referencesOf(template).some((one) => changed.has(valueName(one))))
    .flatMap(({ place }) => {
      if (place.kind === "environment") return [`environment.${place.name}`];
      return single.has(place.target) ? [`file.${place.target}`] : [];
    });
  const given = reasons.some(({ code }) => code === "provider_changed") ? ["environment"] : [];
  // What a file is made of is kept in the container's labels, which stay as they are.
  const remade = files.flatMap(({ target, content }) =>
    changed.has(target) || (single.has(target) && content.kind !== "template")
      ? [`file.${target}`]
      : [],
  );
  return [...new Set([...stuck, ...given, ...remade])].sort();
}

/** Why two containers of the service cannot run at once. */
export function exclusiveness(
  service: DesiredService,
  image: ImageDetail | undefined,
  pace: Pace = "update",
): readonly string[] {
  const { model } = service;
  return [
    ...publishedPorts(service),
    ...writableMounts(service),
    ...imageVolumes(service, image),
    ...(model.volumes_from ?? []).map((from) => `the volumes of "${from}"`),
    ...singleWriter(service),
    ...sharedNamespaces(service),
    ...(model.devices ?? []).map(({ source }) => `device ${source}`),
    ...fixedAddresses(service),
    ...stopFirst(model, pace),
    ...labelProxies(service.model, image),
  ];
}

function stopFirst(model: ServiceModel, pace: Pace): readonly string[] {
  if (!updatePolicy(model, pace).stopFirst) return [];
  const own = pace === "rollback" && model.deploy?.rollback_config?.order !== undefined;
  return [`deploy.${own ? "rollback" : "update"}_config.order: stop-first`];
}

function publishedPorts({ model }: DesiredService): readonly string[] {
  return (model.ports ?? []).flatMap(({ published }) =>
    published === undefined || published === "" ? [] : [`published host port ${published}`],
  );
}

function writableMounts({ model, policy }: DesiredService): readonly string[] {
  return (model.volumes ?? []).flatMap((mount) => {
    const writable = (mount.type === "volume" || mount.type === "bind") && mount.read_only !== true;
    const declaredSafe =
      policy.shared.includes(mount.target) || policy.shared.includes(mount.source ?? "");
    return writable && !declaredSafe ? [`${mountName(mount)}, which it writes`] : [];
  });
}

function mountName({ type, source, target }: MountModel): string {
  if (type === "bind") return `bind mount "${source ?? target}"`;
  return source === undefined ? `the volume at ${target}` : `volume "${source}"`;
}

/** A directory that the image declares as a volume is data, too, even if nothing is mounted there. */
function imageVolumes(
  { model, policy }: DesiredService,
  image: ImageDetail | undefined,
): readonly string[] {
  const covered = new Set([
    ...(model.volumes ?? []).map(({ target }) => target),
    ...(model.tmpfs ?? []).map((entry) => entry.split(":")[0] ?? entry),
    ...policy.shared,
  ]);
  return (image?.volumes ?? [])
    .filter((path) => !covered.has(path))
    .map((path) => `the image's own volume ${path}`);
}

function sharedNamespaces({ model }: DesiredService): readonly string[] {
  const modes = { network_mode: model.network_mode, ipc: model.ipc, pid: model.pid };
  return Object.entries(modes).flatMap(([key, mode]) =>
    mode !== undefined && /^(host$|service:|container:)/.test(mode) ? [`${key}: ${mode}`] : [],
  );
}

function fixedAddresses({ model }: DesiredService): readonly string[] {
  const mac: unknown = model.mac_address;
  const own = typeof mac === "string" ? [`fixed address ${mac}`] : [];
  const attached = Object.entries(model.networks ?? {}).flatMap(([network, settings]) => {
    const address = settings?.ipv4_address ?? settings?.ipv6_address ?? settings?.mac_address;
    return address === undefined ? [] : [`fixed address ${address} in network "${network}"`];
  });
  return [...own, ...attached];
}
