/** The project as `docker compose config` prints it. */
import type { ComposeProject, Json } from "../model/project.ts";
import { arrange, isObject } from "./arrange.ts";
import type { Extensions } from "./arrange.ts";
import { FILE_SOURCE, NETWORK, SERVICE, VOLUME } from "./shape.ts";

const SECTIONS = {
  services: SERVICE,
  networks: NETWORK,
  volumes: VOLUME,
  secrets: FILE_SOURCE,
  configs: FILE_SOURCE,
} as const;

/** Of a project that this loader made, its top-level `x-*` too. */
type Rendered = ComposeProject & { readonly extensions?: Readonly<Record<string, Json>> };

export interface RenderOptions {
  /** Only these services and what they need. */
  readonly services?: readonly string[];
  /** `x-*` below the top level; Compose shows them in YAML, and not in JSON. */
  readonly extensions?: Extensions;
}

/** Each `$` is doubled, so that the output can be loaded again. */
export function renderProject(project: Rendered, options: RenderOptions = {}): Json {
  const { services = [], extensions = "dropped" } = options;
  const chosen = services.length === 0 ? project : narrow(project, services);
  const sections = Object.entries(SECTIONS).map(([key, shape]) => {
    const section = [...chosen[key as keyof typeof SECTIONS]].map(([name, model]) => {
      const json = arrange(model as Json, shape, extensions);
      return [name, key === "services" ? renderService(json) : json] as const;
    });
    return [key, Object.fromEntries(section)] as const;
  });
  const filled = sections.filter(
    ([key, section]) => key === "services" || Object.keys(section).length > 0,
  );
  return doubleDollars({
    name: chosen.name,
    ...Object.fromEntries(filled),
    ...(project.extensions ?? {}),
  });
}

/** What is the default of a bind mount is not written. */
function renderService(service: Json): Json {
  if (!isObject(service) || !Array.isArray(service.volumes)) return service;
  return { ...service, volumes: (service.volumes as readonly Json[]).map(renderMount) };
}

function renderMount(mount: Json): Json {
  if (!isObject(mount) || !isObject(mount.bind)) return mount;
  const written = Object.entries(mount.bind).filter(
    ([key, value]) => key !== "create_host_path" || value !== true,
  );
  return { ...mount, bind: Object.fromEntries(written) };
}

function doubleDollars(json: Json): Json {
  if (typeof json === "string") return json.replaceAll("$", "$$$$");
  if (Array.isArray(json)) return (json as readonly Json[]).map(doubleDollars);
  if (!isObject(json)) return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [key.replaceAll("$", "$$$$"), doubleDollars(value)]),
  );
}

/** The services with those that they depend on, and the resources of all of them. */
function narrow(project: ComposeProject, services: readonly string[]): ComposeProject {
  const wanted = new Set<string>();
  const add = (name: string): void => {
    if (wanted.has(name)) return;
    wanted.add(name);
    Object.keys(project.services.get(name)?.depends_on ?? {}).forEach(add);
  };
  services.forEach(add);
  const kept = new Map([...project.services].filter(([name]) => wanted.has(name)));
  const all = [...kept.values()];
  const pick = <T>(resources: ReadonlyMap<string, T>, names: readonly string[]) =>
    new Map([...resources].filter(([name]) => names.includes(name)));
  const mounts = all.flatMap(({ volumes = [] }) => volumes.map(({ source }) => source ?? ""));
  const secrets = all.flatMap((service) => [
    ...(service.secrets ?? []),
    ...(service.build?.secrets ?? []),
  ]);
  const configs = all.flatMap((service) => service.configs ?? []);
  return {
    ...project,
    services: kept,
    networks: pick(
      project.networks,
      all.flatMap(({ networks = {} }) => Object.keys(networks)),
    ),
    volumes: pick(project.volumes, mounts),
    secrets: pick(
      project.secrets,
      secrets.map(({ source }) => source),
    ),
    configs: pick(
      project.configs,
      configs.map(({ source }) => source),
    ),
  };
}
