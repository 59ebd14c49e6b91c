import { createBody } from "../../compose/createBody.ts";
import { serviceHash } from "../../compose/hash.ts";
import type { DesiredService } from "../../model/desired.ts";
import type { CreateBody } from "../../model/engine.ts";
import { COMPOSE } from "../../model/labels.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { ServiceModel } from "../../model/project.ts";
import type { Work } from "../context.ts";

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
  const { service, number, name } = replica;
  const body = createBody(service.model, {
    project: work.desired.project,
    serviceName: service.name,
    number,
    containerName: name,
    image: service.image,
    imageId,
    configHash: "",
    apiVersion: work.observed.engine.apiVersion,
    containerIdOf: (other) => work.roster.containersOf(other)[0],
    delivered: new Set(service.files.map(({ target }) => target)),
  });
  const configHash = serviceHash(asHashed(service.model, body), work.dialect);
  return { ...body, Labels: { ...body.Labels, [COMPOSE.configHash]: configHash } };
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
