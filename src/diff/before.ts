/** What a container was made from, as far as it can be known. */
import { DSO } from "../model/labels.ts";
import type { DesiredService } from "../model/desired.ts";
import type { ContainerDetail, ImageDetail, ObservedContainer } from "../model/observed.ts";
import type { PortModel, ServiceModel } from "../model/project.ts";
import type { SpecFile } from "../model/spec.ts";
import type { Situation } from "./situation.ts";

export interface Before {
  readonly service: ServiceModel;
  readonly image: string;
  readonly replicas: number | undefined;
  readonly files: Readonly<Record<string, SpecFile>>;
  /** Of a container that others made only some keys can be told. */
  covers(key: string): boolean;
  /** Whether what stood at the dotted path may be printed. */
  isOpen(path: string): boolean;
}

/** Undefined where nothing is known but that the container is there. */
export function beforeOf(
  situation: Situation,
  service: DesiredService,
  container: ObservedContainer,
): Before | undefined {
  const spec = situation.specOf(container);
  if (spec !== undefined) {
    const hidden = new Set(spec.private);
    const { image, replicas, files } = spec;
    return {
      ...{ service: spec.service, image, replicas, files },
      covers: () => true,
      isOpen: (path) => !hidden.has(path),
    };
  }
  const detail = situation.observed.details.get(container.id);
  // The environment of a container of ours may hold values: only its own label tells what to print.
  if (detail === undefined || isOurs(container)) return undefined;
  const read = readDetail(detail, service, situation.observed.images.get(service.image));
  return {
    service: read,
    image: container.image,
    replicas: undefined,
    files: {},
    covers: (key) => key in read || READABLE.includes(key),
    isOpen: (path) => path === "ports" || path === "restart",
  };
}

export function isOurs(container: ObservedContainer): boolean {
  return Object.values(DSO).some((label) => label in container.labels);
}

const READABLE: readonly string[] = ["environment", "command", "entrypoint", "ports", "restart"];

/** What can be told apart from the image's own settings. */
function readDetail(
  { config, hostConfig }: ContainerDetail,
  service: DesiredService,
  image: ImageDetail | undefined,
): ServiceModel {
  const { model } = service;
  const command = ownList(config.Cmd, model.command, image?.command);
  const entrypoint = ownList(config.Entrypoint, model.entrypoint, image?.entrypoint);
  const policy = hostConfig.RestartPolicy;
  const retries = policy?.MaximumRetryCount ?? 0;
  const restart =
    policy?.Name === "on-failure" && retries > 0 ? `on-failure:${retries}` : policy?.Name;
  const ports = portsOf(hostConfig.PortBindings ?? {});
  return {
    environment: environmentOf(config.Env, model, image),
    ...(command === undefined ? {} : { command }),
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(ports.length === 0 ? {} : { ports }),
    ...(restart === undefined ||
    ((restart === "" || restart === "no") && model.restart === undefined)
      ? {}
      : { restart: restart === "" ? "no" : restart }),
  };
}

/** The engine shows the image's own list where the service gives none. */
function ownList(
  found: readonly string[] | null | undefined,
  wanted: readonly string[] | null | undefined,
  image: readonly string[] | null | undefined,
): readonly string[] | undefined {
  if (found === null || found === undefined) return undefined;
  const inherited = JSON.stringify(found) === JSON.stringify(image ?? []);
  return inherited && (wanted === undefined || wanted === null) ? undefined : found;
}

/** Docker's configuration gives them to containers, whatever the files say. */
const PROXIES = /^(https?|no|ftp|all)_proxy$/i;

function environmentOf(
  lines: readonly string[],
  model: ServiceModel,
  image: ImageDetail | undefined,
): Readonly<Record<string, string | null>> {
  const inherited = new Set((image?.environment ?? []).map((line) => line.split("=")[0]));
  const entries = lines.map((line): [string, string | null] => {
    const equals = line.indexOf("=");
    return equals === -1 ? [line, null] : [line.slice(0, equals), line.slice(equals + 1)];
  });
  return Object.fromEntries(
    entries.filter(
      ([name]) =>
        (!inherited.has(name) && !PROXIES.test(name)) || name in (model.environment ?? {}),
    ),
  );
}

function portsOf(
  bindings: Readonly<Record<string, readonly { HostIp?: string; HostPort: string }[]>>,
): readonly PortModel[] {
  return Object.entries(bindings).flatMap(([port, hosts]) => {
    const [target = "", protocol = "tcp"] = port.split("/");
    return hosts.map(({ HostIp, HostPort }) => ({
      target: Number(target),
      protocol,
      ...(HostPort === "" ? {} : { published: HostPort }),
      ...(HostIp === undefined || HostIp === "" ? {} : { host_ip: HostIp }),
    }));
  });
}
