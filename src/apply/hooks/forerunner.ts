/** A container of `pre_start`, as the engine is asked for it. Pure. */
import type { DesiredService } from "../../model/desired.ts";
import type { CreateBody, EndpointConfig } from "../../model/engine.ts";
import { COMPOSE, DSO } from "../../model/labels.ts";
import type { ContainerDetail, ImageDetail } from "../../model/observed.ts";
import { isReferenceLike } from "../../model/parseReference.ts";
import type { ServiceModel } from "../../model/project.ts";
import { sealerIn } from "../../model/sealing.ts";
import type { Work } from "../context.ts";
import { plainBody } from "../container/composeBody.ts";
import { seal } from "../container/seal.ts";

export interface Forerunner {
  /** As if it were a service. */
  readonly service: DesiredService;
  readonly name: string;
  readonly image: ImageDetail;
  /** What it runs before: made, and not started. */
  readonly container: ContainerDetail;
  /** What tells whose it is, should its maker be killed. */
  readonly owner: string;
}

/**
 * On the service's networks, where nobody is led to it, with the mounts of the service's container: its
 * secrets too, and the variables that are sealed there.
 */
export function forerunnerBody(work: Work, forerunner: Forerunner): CreateBody {
  const { service, name, image, container, owner } = forerunner;
  const model = { ...service.model, environment: variables(service.model, container) };
  const replica = { service: { ...service, model, files: [] }, number: 1, name };
  const body = plainBody(work, replica, image.id, (other) => work.roster.containersOf(other));
  const sealer = sealerIn(container.config.Entrypoint);
  return {
    ...(sealer === undefined ? body : seal(body, image, sealer)),
    Labels: {
      ...model.labels,
      [COMPOSE.project]: work.desired.project.name,
      [COMPOSE.service]: service.name,
      [COMPOSE.oneoff]: "True",
      [DSO.throwaway]: owner,
    },
    HostConfig: {
      ...body.HostConfig,
      RestartPolicy: { Name: "no" },
      VolumesFrom: [
        container.id,
        ...((body.HostConfig["VolumesFrom"] as string[] | undefined) ?? []),
      ],
    },
    NetworkingConfig: { EndpointsConfig: unnamed(body.NetworkingConfig.EndpointsConfig) },
  };
}

/** Those with values are the service's own: as its container has them, unless that reads them sealed. */
function variables(
  { environment = {} }: ServiceModel,
  { config }: ContainerDetail,
): Readonly<Record<string, string | null>> {
  const given = new Map(
    config.Env.map((entry) => {
      const [name = "", ...value] = entry.split("=");
      return [name, value.join("=")];
    }),
  );
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]): [string, string | null][] => {
      if (value === null || !isReferenceLike(value)) return [[name, value]];
      const shown = given.get(name);
      return shown === undefined ? [] : [[name, shown]];
    }),
  );
}

/** The addresses are the service's own. */
function unnamed(
  endpoints: Readonly<Record<string, EndpointConfig>>,
): Readonly<Record<string, EndpointConfig>> {
  return Object.fromEntries(
    Object.entries(endpoints).map(([network, { DriverOpts, GwPriority }]) => [
      network,
      {
        Aliases: [],
        ...(DriverOpts === undefined ? {} : { DriverOpts }),
        ...(GwPriority === undefined ? {} : { GwPriority }),
      },
    ]),
  );
}
