import { createBody, type CreateContext } from "../../compose/create/createBody.ts";
import { serviceHash } from "../../compose/output/hash.ts";
import { readFault, readStoredFile } from "../../lib/namedFile.ts";
import type { DesiredService } from "../../model/desired.ts";
import type { CreateBody } from "../../model/engine.ts";
import { combine, DsoError } from "../../model/errors.ts";
import { forerunnersOf } from "../../model/forerunners.ts";
import { COMPOSE } from "../../model/labels.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { ServiceModel } from "../../model/project.ts";
import type { ApplyContext, Work } from "../context.ts";

export interface Replica {
  readonly service: DesiredService;
  readonly number: number;
  /** The one it is to have in the end. */
  readonly name: string;
}

/** One container that is about to be made. */
export interface Making extends Replica {
  /** Id of the rotation. */
  readonly rotation: string;
  /** The one that it takes the place of. */
  readonly old: ContainerDetail | undefined;
}

/** What Compose would send; references stand in it as text. */
export function composeBody(work: Work, replica: Replica, imageId: string): CreateBody {
  const { service } = replica;
  const body = plainBody(work, replica, imageId, (name) => work.roster.containersOf(name));
  const configHash = serviceHash(asHashed(service.model, body), work.dialect);
  return { ...body, Labels: { ...body.Labels, [COMPOSE.configHash]: configHash } };
}

/**
 * Rejects, before anything is changed, with all that no body can be made of: fields that this engine is
 * too old for, a file that cannot be read.
 */
export function checkBodies(context: ApplyContext, services: readonly DesiredService[]): void {
  const all = services.flatMap((service) => [service, ...forerunnersOf(service)]);
  const faults = all.flatMap((service) => {
    const replica = { service, number: 1, name: service.name };
    try {
      plainBody(context, replica, "", (name) => [{ id: name, name }]);
      return [];
    } catch (error) {
      if (error instanceof DsoError) return [error];
      throw error;
    }
  });
  if (faults.length > 0) throw combine(faults);
}

/** Without the hash of what it was made from. */
export function plainBody(
  { desired, observed, proxies }: ApplyContext,
  { service, number, name }: Replica,
  imageId: string,
  containersOf: CreateContext["containersOf"],
): CreateBody {
  return createBody(service.model, {
    project: desired.project,
    serviceName: service.name,
    number,
    containerName: name,
    image: service.image,
    imageId,
    configHash: "",
    apiVersion: observed.engine.apiVersion,
    containersOf,
    proxies,
    delivered: new Set(service.files.map(({ target }) => target)),
    readFile: readText,
  });
}

function readText(path: string): string {
  try {
    return readStoredFile(path).toString("utf8");
  } catch (cause) {
    throw new Error(readFault(cause) ?? "cannot be read", { cause });
  }
}

/** Compose hashes the containers that a service joins by their ids, as they stand in the body. */
function asHashed(model: ServiceModel, { HostConfig: host }: CreateBody): ServiceModel {
  const joined = (wanted: string | undefined, actual: unknown): string | undefined =>
    wanted?.startsWith("service:") === true ? String(actual) : wanted;
  const [network_mode, ipc, pid] = [
    joined(model.network_mode, host.NetworkMode),
    joined(model.ipc, host["IpcMode"]),
    joined(model.pid, host["PidMode"]),
  ];
  const from = host["VolumesFrom"] as readonly string[] | undefined;
  return {
    ...model,
    ...(network_mode === undefined ? {} : { network_mode }),
    ...(ipc === undefined ? {} : { ipc }),
    ...(pid === undefined ? {} : { pid }),
    // Without the `:ro` that the engine is given.
    ...(from === undefined
      ? {}
      : { volumes_from: from.map((text) => text.split(":", 1)[0] ?? "") }),
  };
}
