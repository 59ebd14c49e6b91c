import { environmentAfterDelivery } from "../../compose/bindings/bindings.ts";
import { policyOf } from "../../compose/create/host.ts";
import type { Generation } from "../../model/delivery.ts";
import type { DesiredService } from "../../model/desired.ts";
import type { CreateBody, RestartPolicy } from "../../model/engine.ts";
import { DsoError } from "../../model/errors.ts";
import type { RotationEndpoint } from "../../model/journal.ts";
import { DSO } from "../../model/labels.ts";
import { sealedNames, VARIABLES_TARGET } from "../../model/sealing.ts";
import { makeSpec } from "../../model/spec.ts";
import { completeBody, inheritedVolumes, withoutAliases } from "./body.ts";
import { composeBody, type Making } from "./composeBody.ts";
import type { Work } from "../context.ts";
import { exposedEnvironment } from "../memory/variables.ts";
import { versionsOf } from "../memory/values.ts";
import { exposedOrRefused, type Provided } from "./provide.ts";
import { seal, shimMount } from "./seal.ts";

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

const REMOVAL = { force: true, volumes: true } as const;

/** Makes the container, not started. */
export async function makeContainer(
  work: Work,
  making: Making,
  provided: Provided,
  candidate: Candidate,
  signal: AbortSignal,
): Promise<Made> {
  const { engine } = work;
  const { platform } = making.service.model;
  const options = platform === undefined ? {} : { platform };
  const create = async (by: Provided): Promise<Made> => {
    const body = bodyOf(work, making, by, candidate);
    const sent = candidate.hidden ? withoutAliases(body) : body;
    const id = await engine.createContainer(candidate.name, sent, options, signal);
    const restartPolicy = policyOf(making.service.model) ?? { Name: "no" };
    return { id, restartPolicy, endpoints: endpointsOf(body) };
  };
  const made = await create(provided);
  if (provided.sealer !== "shell") return made;
  let hasShell = false;
  try {
    hasShell = await engine.hasFile(made.id, "/bin/sh", signal);
    if (hasShell) return made;
  } finally {
    // Also where nobody could tell: it is noted nowhere yet.
    if (!hasShell) await engine.removeContainer(made.id, REMOVAL, work.force);
  }
  return create(unsealed(work, provided));
}

/** Its image has no shell after all, which only the container shows. */
function unsealed(work: Work, provided: Provided): Provided {
  const service = exposedOrRefused(work, provided.service, "its image has no /bin/sh");
  return { ...provided, service, sealer: undefined };
}

/** With its labels, its files and its variables, under the names that it has in the end. */
function bodyOf(
  work: Work,
  making: Making,
  { service, image, addresses, generation, sealer, shim }: Provided,
  candidate: Candidate,
): CreateBody {
  const body = composeBody(work, making, image.id);
  const renew = work.plan.options.renewAnonymousVolumes;
  const inherited = renew ? [] : inheritedVolumes(making.old, service.model, image);
  const files = (generation?.mounts ?? []).filter(
    ({ Target }) => sealer !== undefined || Target !== VARIABLES_TARGET,
  );
  const complete = completeBody(body, {
    environment: {
      ...environmentAfterDelivery(service.model, service.files),
      ...exposedEnvironment(service, work.values),
    },
    hidden: new Set(sealedNames(service)),
    labels: labelsOf(work, { ...making, service }, generation),
    mounts: [...files, ...(shim === undefined ? [] : [shimMount(shim)]), ...inherited],
    restartPolicy: candidate.policy,
    addresses,
  });
  return sealer === undefined ? complete : seal(complete, image, sealer);
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
