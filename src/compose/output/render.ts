/** The project as `docker compose config` prints it. */
import type { ComposeProject, Json, ServiceModel } from "../../model/project.ts";
import { arrange, type Form, isObject } from "./arrange.ts";
import { toJson } from "../node.ts";
import type { Mapping } from "../node.ts";
import { byCount, byUtf8 } from "../order.ts";
import type { LoadedProject } from "../project.ts";
import { FILE_SOURCE, JOB, MODEL, NETWORK, SERVICE, VOLUME } from "./shape.ts";

const SECTIONS = {
  services: SERVICE,
  jobs: JOB,
  networks: NETWORK,
  volumes: VOLUME,
  secrets: FILE_SOURCE,
  configs: FILE_SOURCE,
  models: MODEL,
} as const;

/** Of a project that this loader made, what it only shows, too. */
type Rendered = ComposeProject & Partial<Pick<LoadedProject, "jobs" | "models" | "extensions">>;

export interface RenderOptions {
  /** Only these services and what they need. */
  readonly services?: readonly string[];
  /**
   * Compose's two forms are not the same model: its JSON has no `x-*` below the top level and no models,
   * its YAML says nothing of what is empty.
   */
  readonly form?: PrintedForm;
}

type PrintedForm = Exclude<Form, "model">;

/** Each `$` is doubled, so that the output can be loaded again. */
export function renderProject(project: Rendered, options: RenderOptions = {}): Json {
  const { services = [], form = "json" } = options;
  const chosen = narrow(project, services);
  const sections = Object.entries(SECTIONS).map(([key, shape]) => {
    const section = [...(chosen[key as keyof typeof SECTIONS] ?? [])].map(([name, model]) => {
      const json = arrange(model as Json, shape, form);
      const isService = key === "services" || key === "jobs";
      return [name, isService ? renderService(json, form) : json] as const;
    });
    return [key, sorted(Object.fromEntries(section), form)] as const;
  });
  const filled = sections.filter(
    ([key, section]) =>
      key === "services" ||
      (Object.keys(section).length > 0 && !(key === "models" && form === "json")),
  );
  const all = {
    name: chosen.name,
    ...Object.fromEntries(filled),
    ...(sortedWithin(project.extensions ?? {}, form) as Readonly<Record<string, Json>>),
  };
  return doubleDollars(form === "json" ? sorted(all, form) : all);
}

/** The same of a document that is not finished: variables stand in it, and no `$` is doubled. */
export function renderMerged(document: Mapping, form: PrintedForm): Json {
  const { services = {}, ...rest } = toJson(document) as Readonly<Record<string, Json>>;
  const rendered = isObject(services)
    ? Object.entries(services).map(([name, one]) => [name, renderService(one, "json")] as const)
    : [];
  return sortedWithin({ ...rest, services: Object.fromEntries(rendered) }, form);
}

/** No project but an override: what the images of its services are, and nothing else. */
export function renderImages(
  { services }: Pick<ComposeProject, "services">,
  form: PrintedForm,
): Json {
  const images = [...services].map(([name, { image }]): [string, Json] => [
    name,
    arrange(image === undefined ? {} : { image }, SERVICE, form),
  ]);
  return { ...(form === "json" ? { name: "" } : {}), services: Object.fromEntries(images) };
}

function sorted<T>(object: Readonly<Record<string, T>>, form: PrintedForm): Record<string, T> {
  const order = form === "yaml" ? byCount : byUtf8;
  return Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => order(a, b)));
}

/** As Go prints what is a map to it. */
function sortedWithin(json: Json, form: PrintedForm): Json {
  if (Array.isArray(json)) return (json as readonly Json[]).map((one) => sortedWithin(one, form));
  if (!isObject(json)) return json;
  const entries = Object.entries(json).map(([key, one]) => [key, sortedWithin(one, form)] as const);
  return sorted(Object.fromEntries(entries), form);
}

/** Of the services, or of these and what they need, of what runs before them, and of the jobs; sorted. */
export function imagesOf(project: LoadedProject, only: readonly string[] = []): readonly string[] {
  const { name, services } = narrow(project, only);
  return [...services, ...(only.length === 0 ? project.jobs : [])]
    .flatMap(([key, { image, pre_start: before = [] }]) => {
      const own = image ?? `${name}-${key}`;
      const others = (before as readonly ServiceModel[]).flatMap(({ image }) => image ?? []);
      return [...new Set([own, ...others])];
    })
    .toSorted();
}

/** What is the default of a bind mount is not written; in YAML some keys have other letters. */
function renderService(service: Json, form: Form): Json {
  if (!isObject(service)) return service;
  const { volumes, pre_start: before, blkio_config: blkio, build, ulimits } = service;
  const each = (list: Json | undefined, change: (item: Json) => Json): readonly Json[] =>
    Array.isArray(list) ? (list as readonly Json[]).map(change) : [];
  return {
    ...service,
    ...(ulimits === undefined ? {} : { ulimits: renderLimits(ulimits, form) }),
    ...(isObject(build) && build.ulimits !== undefined
      ? { build: { ...build, ulimits: renderLimits(build.ulimits, form) } }
      : {}),
    ...(volumes === undefined ? {} : { volumes: each(volumes, renderMount) }),
    ...(before === undefined
      ? {}
      : { pre_start: each(before, (container) => renderService(container, form)) }),
    ...(blkio === undefined || form === "json" ? {} : { blkio_config: lowerKeys(blkio) }),
  };
}

/** A limit of 0 is to Compose one that is not set; its YAML says both numbers of a limit. */
function renderLimits(limits: Json, form: Form): Json {
  if (!isObject(limits)) return limits;
  const each = Object.entries(limits).map(([name, limit]) => {
    const { soft = 0, hard = 0 } = isObject(limit) ? limit : {};
    if (form === "yaml") return [name, isObject(limit) || limit === 0 ? { soft, hard } : limit];
    return [name, limit === 0 ? {} : limit];
  });
  return Object.fromEntries(each) as Json;
}

function lowerKeys(json: Json): Json {
  if (Array.isArray(json)) return (json as readonly Json[]).map(lowerKeys);
  if (!isObject(json)) return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [key.toLowerCase(), lowerKeys(value)]),
  );
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

/** The services with those that they depend on, and the resources of all of them; all where none is named. */
export function narrow<T extends Rendered>(project: T, services: readonly string[]): T {
  if (services.length === 0) return project;
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
  const models = all.flatMap((service) => Object.keys(service["models"] ?? {}));
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
    models: pick(project.models ?? new Map<string, Json>(), models),
  };
}
