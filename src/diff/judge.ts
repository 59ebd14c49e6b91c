/** Whether one container is as desired, and if not, why and what would make it so. */
import { type DesiredService, SECRETS_DIRECTORY } from "../model/desired.ts";
import { COMPOSE, DSO } from "../model/labels.ts";
import { type DeliveredVersions, isOfGeneration } from "../model/observed.ts";
import type { Reason } from "../model/plan.ts";
import { type Comparison, compareService } from "./attributes.ts";
import { type Before, beforeOf, isOurs } from "./before.ts";
import type { Expectation, Repair } from "./decision.ts";
import { deliveredTo, fileReasons, valueReasons } from "./delivered.ts";
import { fetchFor, isFetchRequested, isOutdated } from "./images.ts";
import type { Instance } from "./inventory.ts";
import { isFinishedJob } from "./jobs.ts";
import { sharedWith } from "../model/dependencies.ts";
import { pathReasons } from "./reasons.ts";
import { memoryReasons, repairsOf } from "./repairs.ts";
import { gradeReasons } from "./sealing.ts";
import { networkKeys, type Situation } from "./situation.ts";

export interface Verdict {
  readonly instance: Instance;
  /** Not empty: it has to be replaced. */
  readonly replace: readonly Reason[];
  /** Else: what differs, in the order in which it is put right. */
  readonly repairs: readonly Repair[];
  readonly before: Before | undefined;
  readonly delivered: DeliveredVersions | undefined;
  readonly comparison: Comparison;
}

const SAME: Comparison = { attributes: [], unchanged: 0, paths: [] };

export function judge(
  situation: Situation,
  service: DesiredService,
  instance: Instance,
  expected: Expectation,
): Verdict {
  const { container } = instance;
  const delivered = deliveredTo(container, situation.observed);
  const before = beforeOf(situation, service, container);
  const found = divergence(situation, service, instance, expected, before, delivered);
  const comparison =
    found.length === 0 ? SAME : compareService(situation, service, before, delivered);
  const repairs = repairsOf(situation, service, instance, expected);
  return { instance, replace: found, repairs, before, delivered, comparison };
}

/** All reasons to replace it; empty where it may stay. */
function divergence(
  situation: Situation,
  service: DesiredService,
  instance: Instance,
  expected: Expectation,
  before: Before | undefined,
  delivered: DeliveredVersions | undefined,
): readonly Reason[] {
  const { options } = situation;
  const dead =
    instance.container.state === "dead" ? [{ code: "drift_stopped", detail: "dead" }] : [];
  const asked = options.recreate === "force" ? [{ code: "forced", detail: undefined }] : [];
  const named = situation.selection.replaces(service.name, instance.number)
    ? [{ code: "replaced_by_request", detail: undefined }]
    : [];
  const wanted = [...dead, ...named, ...asked, ...expected.cascade];
  if (options.recreate === "never") return wanted;
  return dedupe([
    ...configReasons(situation, service, instance, expected, before, delivered),
    ...imageReasons(situation, service, instance),
    ...secretReasons(situation, service, instance, delivered),
    ...memoryReasons(situation, service, instance.container),
    ...mountReasons(situation, service, instance),
    ...networkReasons(situation, service, instance),
    ...wanted,
  ]);
}

function configReasons(
  situation: Situation,
  service: DesiredService,
  { container }: Instance,
  expected: Expectation,
  before: Before | undefined,
  delivered: DeliveredVersions | undefined,
): readonly Reason[] {
  if (expected.hashes.has(container.labels[COMPOSE.configHash] ?? "")) return [];
  const { paths } = compareService(situation, service, before, delivered);
  if (before !== undefined && paths.length > 0) return pathReasons(paths);
  const shared = sharedWith(service.model);
  if (before !== undefined && shared.length > 0) {
    return [{ code: "dependency_replaced", detail: shared.join(", ") }];
  }
  return [{ code: "config_changed", detail: "its configuration hash is another" }];
}

function imageReasons(
  situation: Situation,
  service: DesiredService,
  { container }: Instance,
): readonly Reason[] {
  const fetch = fetchFor(situation, service);
  if (fetch?.kind === "build" && isFetchRequested(service, situation.options)) {
    return [{ code: "image_built", detail: "as requested" }];
  }
  const image = situation.observed.images.get(service.image);
  if (image === undefined) {
    if (fetch === undefined) return [];
    return fetch.kind === "build"
      ? [{ code: "image_built", detail: "it is built first" }]
      : [{ code: "image_changed", detail: "it is pulled first" }];
  }
  if (isOutdated(situation, service)) {
    return [{ code: "image_changed", detail: "its registry has another one" }];
  }
  if (isOfImage(situation, service, container)) return [];
  const other = container.labels[COMPOSE.image] === image.id;
  const detail = other ? `it was made of "${container.image}"` : undefined;
  return [{ code: "image_changed", detail }];
}

/**
 * Some engines give an image another id than the containers that are made of it, and
 * Compose's label tells then. But a label comes along with a copy (`docker commit`), so it
 * counts only where the engine says that the reference is what the container was made of.
 */
export function isOfImage(
  { observed }: Situation,
  service: DesiredService,
  { image: reference, imageId, labels }: Instance["container"],
): boolean {
  const id = observed.images.get(service.image)?.id;
  return imageId === id || (reference === service.image && labels[COMPOSE.image] === id);
}

function secretReasons(
  situation: Situation,
  service: DesiredService,
  { container }: Instance,
  delivered: DeliveredVersions | undefined,
): readonly Reason[] {
  if (!isOurs(container)) {
    // Files that name no reference Compose has put there itself.
    const wanted = service.bindings.length > 0;
    return wanted ? [{ code: "secret_delivery", detail: "it was made without its secrets" }] : [];
  }
  const spec = situation.specOf(container);
  const files = spec === undefined ? [] : fileReasons(service, spec);
  // A job that is done needs no newer values, and is not to run once more for them, or to hide them.
  if (isFinishedJob(situation, service, container)) return files;
  const grades = spec === undefined ? [] : gradeReasons(service, spec, situation.observed);
  return [...valueReasons(situation.desired, service, delivered), ...files, ...grades];
}

function mountReasons(
  situation: Situation,
  service: DesiredService,
  { container }: Instance,
): readonly Reason[] {
  const { project } = situation.desired;
  const unbound = unboundFiles(situation, service, container).map((target) => ({
    code: "mounts_changed",
    detail: `its own secrets are not mounted at ${target}`,
  }));
  const mounted = new Set(container.mounts.map(({ type, name }) => `${type} ${name ?? ""}`));
  const volumes = (service.model.volumes ?? []).flatMap(({ type, source }) => {
    if (type !== "volume" || source === undefined) return [];
    const name = project.volumes.get(source)?.name ?? source;
    if (mounted.has(`volume ${name}`)) return [];
    return [{ code: "mounts_changed", detail: `volume "${name}" is not mounted` }];
  });
  return [...unbound, ...volumes];
}

/** Where its spec says that files were delivered, and its own generation is not bound. */
export function unboundFiles(
  situation: Situation,
  service: DesiredService,
  container: Instance["container"],
): readonly string[] {
  const delivered = situation.specOf(container)?.files ?? {};
  const targets = service.files
    .filter(({ target }) => target in delivered)
    .map(({ target, inDirectory }) => (inDirectory ? SECRETS_DIRECTORY : target));
  const generation = container.labels[DSO.generation];
  const bound = container.mounts.filter((mount) => isOfGeneration(mount, generation));
  return [...new Set(targets)].filter((path) => bound.every(({ target }) => target !== path));
}

/** Networks that have to be made (anew): whoever was in the old one has to move. */
function networkReasons(
  situation: Situation,
  service: DesiredService,
  { container }: Instance,
): readonly Reason[] {
  return networkKeys(service).flatMap((key) => {
    const standing = situation.networks.get(key);
    const detail = `network "${key}" is made anew`;
    if (standing?.kind !== "present") return [{ code: "network_changed", detail }];
    const endpoint = container.networks.find(({ network }) => network === standing.network.name);
    // A stopped container keeps the id of a network that may be gone, and cannot start then.
    const stale =
      endpoint !== undefined &&
      endpoint.networkId !== "" &&
      endpoint.networkId !== standing.network.id;
    return stale ? [{ code: "network_changed", detail: `network "${key}" was made anew` }] : [];
  });
}

/** One reason of a code without detail is enough, and none where another says it better. */
function dedupe(reasons: readonly Reason[]): readonly Reason[] {
  return reasons.filter(
    ({ code, detail }, index) =>
      !reasons.some(
        (other, at) =>
          other.code === code &&
          at !== index &&
          (detail === undefined
            ? other.detail !== undefined || at < index
            : other.detail === detail && at < index),
      ),
  );
}
