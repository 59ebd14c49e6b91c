import { environmentAfterDelivery } from "../../compose/bindings.ts";
import type { DeliveryRequest, Generation } from "../../model/delivery.ts";
import type { DesiredService } from "../../model/desired.ts";
import type { CreateBody, RestartPolicy } from "../../model/engine.ts";
import { together } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import type { RotationEndpoint } from "../../model/journal.ts";
import { DSO } from "../../model/labels.ts";
import type { ContainerDetail, ImageDetail } from "../../model/observed.ts";
import { makeSpec } from "../../model/spec.ts";
import { completeBody, type EndpointAddress, inheritedVolumes, withoutAliases } from "./body.ts";
import { composeBody, type Replica } from "./composeBody.ts";
import type { Work } from "../context.ts";
import { resolveOwner } from "./owner.ts";
import { reserveEndpoints } from "../network/endpoints.ts";
import { exposedEnvironment, versionsOf } from "../memory/values.ts";

/** One container that is about to be made. */
export interface Making extends Replica {
  /** Id of the rotation. */
  readonly rotation: string;
  /** The one that it takes the place of. */
  readonly old: ContainerDetail | undefined;
}

export interface Made {
  readonly id: string;
  /** The service's own, whatever the container has now. */
  readonly restartPolicy: RestartPolicy;
  /** Where it is to be in the end, with the names that it has then. */
  readonly endpoints: readonly RotationEndpoint[];
}

/** What it is until it has proven itself. */
export interface Candidate {
  readonly name: string;
  /** Undefined: the service's own. */
  readonly policy: RestartPolicy | undefined;
  /** Without the service's aliases. */
  readonly hidden: boolean;
}

export function serviceOf(work: Work, name: string): DesiredService {
  const service = work.desired.services.get(name);
  if (service === undefined)
    throw new DsoError("plan-invalid", `the plan names no service ${name}`);
  return service;
}

async function imageOf(
  work: Work,
  { image, name }: DesiredService,
  signal: AbortSignal,
): Promise<ImageDetail> {
  const detail = await work.engine.inspectImage(image, signal);
  if (detail !== undefined) return detail;
  throw new DsoError("image-missing", `service ${name}: the engine has no image ${image}`, {
    hint: "Pull it, build it, or correct its name.",
  });
}

/** What a container is made of, besides its model. */
export interface Provided {
  readonly image: ImageDetail;
  /** By the engine's name of the network; none where the engine chooses. */
  readonly addresses: ReadonlyMap<string, EndpointAddress>;
  /** Undefined where the service has no files of ours. */
  readonly generation: Generation | undefined;
}

/**
 * Finds its image and its addresses, and fills its memory directory: that, once it is `noted` in the
 * journal. An address that was reserved for nothing is free again with the next run.
 */
export async function provide(
  work: Work,
  making: Making,
  noted: Promise<void>,
  signal: AbortSignal,
): Promise<Provided> {
  const [image, addresses] = await together(
    imageOf(work, making.service, signal),
    reserveEndpoints(work, making, signal),
    noted,
  );
  return { image, addresses, generation: await deliverFiles(work, making, image, signal) };
}

async function deliverFiles(
  work: Work,
  { service, number }: Making,
  image: ImageDetail,
  signal: AbortSignal,
): Promise<Generation | undefined> {
  if (service.files.length === 0) return undefined;
  const request = await requestFor(work, service, number, image, signal);
  const generation = await work.delivery.deliver(request, signal);
  for (const message of generation.warnings) {
    work.report({ type: "warning", code: "delivery", message });
  }
  return generation;
}

/** All files of one container, with what is in them. */
export async function deliveryFor(
  work: Work,
  service: DesiredService,
  number: number,
  signal: AbortSignal,
): Promise<DeliveryRequest> {
  return requestFor(work, service, number, await imageOf(work, service, signal), signal);
}

async function requestFor(
  work: Work,
  service: DesiredService,
  number: number,
  image: ImageDetail,
  signal: AbortSignal,
): Promise<DeliveryRequest> {
  // An empty `user:` means the image's, as for the engine.
  const user = service.model.user || image.user;
  return {
    project: work.desired.project.name,
    service: service.name,
    number,
    owner: await resolveOwner(work.engine, service.image, user, signal),
    versions: versionsOf(service, work.desired),
    files: service.files.map((file) => ({
      file,
      content: work.values.content(service.name, file),
    })),
  };
}

/** Makes the container, not started. */
export async function makeContainer(
  work: Work,
  making: Making,
  { image, addresses, generation }: Provided,
  candidate: Candidate,
  signal: AbortSignal,
): Promise<Made> {
  const { service, old } = making;
  const body = composeBody(work, making, image.id);
  const renew = work.plan.options.renewAnonymousVolumes;
  const complete = completeBody(body, {
    environment: {
      ...environmentAfterDelivery(service.model, service.files),
      ...exposedEnvironment(service, work.values),
    },
    labels: labelsOf(work, making, generation),
    mounts: [
      ...(generation?.mounts ?? []),
      ...(renew ? [] : inheritedVolumes(old, service.model, image)),
    ],
    restartPolicy: candidate.policy,
    addresses,
  });
  const sent = candidate.hidden ? withoutAliases(complete) : complete;
  const { platform } = service.model;
  const options = platform === undefined ? {} : { platform };
  const id = await work.engine.createContainer(candidate.name, sent, options, signal);
  return {
    id,
    restartPolicy: body.HostConfig.RestartPolicy ?? { Name: "no" },
    endpoints: endpointsOf(complete),
  };
}

function endpointsOf({ NetworkingConfig }: CreateBody): readonly RotationEndpoint[] {
  const endpoints = Object.entries(NetworkingConfig.EndpointsConfig);
  return endpoints.map(([network, { Aliases = [], IPAMConfig, ...options }]) => ({
    network,
    aliases: Aliases,
    ipv4: IPAMConfig?.IPv4Address,
    ipv6: IPAMConfig?.IPv6Address,
    ...(Object.keys(options).length === 0 ? {} : { options }),
  }));
}

function labelsOf(
  work: Work,
  { service, rotation }: Making,
  generation: Generation | undefined,
): Readonly<Record<string, string>> {
  return {
    [DSO.version]: work.dsoVersion,
    [DSO.spec]: JSON.stringify(makeSpec(work.desired, service)),
    [DSO.secrets]: JSON.stringify(versionsOf(service, work.desired)),
    [DSO.rotation]: rotation,
    ...(generation === undefined ? {} : { [DSO.generation]: generation.id }),
  };
}
