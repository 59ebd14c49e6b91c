/** Compose's `config-hash` labels, bit for bit. */
import { createHash } from "node:crypto";
import type { Json, NetworkModel, ServiceModel, VolumeModel } from "../model/project.ts";
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
  hashed.volumes = service.volumes?.map((mount) => mountOf(mount as unknown as Json, dialect));
  return hash(hashed as Json, SERVICE);
}

/** Each dialect leaves out the value that it takes as the default of a long form. */
function mountOf(mount: Json, dialect: HashDialect): Json {
  if (!isObject(mount) || !isObject(mount.bind)) return mount;
  const { create_host_path: create = null, ...bind } = mount.bind;
  const written = create === (dialect === "v2");
  return { ...mount, bind: written ? { ...bind, create_host_path: create } : bind };
}

export function networkHash(network: NetworkModel): string {
  return hash(network as unknown as Json, NETWORK);
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
