/** Compose's `config-hash` labels, bit for bit. */
import { createHash } from "node:crypto";
import type { Json, NetworkModel, ServiceModel, VolumeModel } from "../../model/project.ts";
import { arrange, goJson, isObject } from "./arrange.ts";
import { NETWORK, SERVICE, VOLUME } from "./shape.ts";
import type { Shape } from "./shape.ts";

/** `v2`: Compose 2.30.2 to 2.40; `v5`: 5.0 and later, which no longer write a bind's default. */
export type HashDialect = "v2" | "v5";

/** What a change of does not make Compose recreate a container. */
const NOT_HASHED = new Set(["build", "pull_policy", "scale", "depends_on", "profiles"]);

/**
 * The hash of a service as plain Compose sees it: without values of secrets, and
 * with `service:` references resolved to container ids where the caller has them.
 */
export function serviceHash(service: ServiceModel, dialect: HashDialect): string {
  const hashed: Record<string, unknown> = Object.fromEntries(
    Object.entries(service).filter(([key]) => !NOT_HASHED.has(key)),
  );
  if (service.deploy !== undefined) hashed.deploy = { ...service.deploy, replicas: undefined };
  hashed.ulimits = service.ulimits && ulimitsOf(service.ulimits);
  hashed.volumes = service.volumes?.map((mount) => mountOf(mount as unknown as Json, dialect));
  return hash(hashed as Json, SERVICE);
}

/** A single limit of 0 is none that was set, for Compose. */
function ulimitsOf(ulimits: NonNullable<ServiceModel["ulimits"]>): Json {
  return Object.fromEntries(
    Object.entries(ulimits).map(([name, limit]) => [name, limit === 0 ? {} : limit]),
  );
}

/** Each dialect leaves out the value that it takes as the default of a long form. */
function mountOf(mount: Json, dialect: HashDialect): Json {
  if (!isObject(mount) || !isObject(mount.bind)) return mount;
  const { create_host_path: create = null, ...bind } = mount.bind;
  const written = create === (dialect === "v2") && (mount.type === "bind" || !create);
  return { ...mount, bind: written ? { ...bind, create_host_path: create } : bind };
}

/** Before 5.0 the options of `ipam` were dropped as the file was read. */
export function networkHash(network: NetworkModel, dialect: HashDialect): string {
  const hashed =
    dialect === "v2" ? { ...network, ipam: { ...network.ipam, options: undefined } } : network;
  return hash(hashed as unknown as Json, NETWORK);
}

export function volumeHash(volume: VolumeModel): string {
  const driver = volume.driver || "local";
  return hash({ ...volume, driver }, VOLUME);
}

function hash(value: Json, shape: Shape): string {
  return createHash("sha256")
    .update(goJson(arrange(value, shape, "json"), shape))
    .digest("hex");
}
