import { together } from "../../lib/together.ts";
import type { DeliveryRequest, Generation } from "../../model/delivery.ts";
import { type DesiredService, exposed, referencesOf } from "../../model/desired.ts";
import { DsoError } from "../../model/errors.ts";
import type { ImageDetail } from "../../model/observed.ts";
import { isGiven } from "../../model/programs.ts";
import type { Reference } from "../../model/reference.ts";
import { type Sealer, sealedNames, sealerFor, sealingRefused } from "../../model/sealing.ts";
import type { Work } from "../context.ts";
import { variablesFile } from "../memory/variables.ts";
import { versionsOf } from "../memory/values.ts";
import { reserveEndpoints } from "../network/endpoints.ts";
import type { EndpointAddress } from "./body.ts";
import type { Making } from "./composeBody.ts";
import { resolveOwner } from "./owner.ts";

/** What a container is made of, besides its model. */
export interface Provided {
  /** Its variables graded as this image lets them be. */
  readonly service: DesiredService;
  readonly image: ImageDetail;
  /** By the engine's name of the network; none where the engine chooses. */
  readonly addresses: ReadonlyMap<string, EndpointAddress>;
  /** Undefined where the service has no files of ours. */
  readonly generation: Generation | undefined;
  /** Undefined where it has no sealed variables. */
  readonly sealer: Sealer | undefined;
  /** Where the program is that it is sealed by, on this host. */
  readonly shim: string | undefined;
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
  const graded = grade(work, making.service, image);
  const shim = graded.sealer === "shim" ? await work.shim.place() : undefined;
  const generation = await deliverFiles(work, { ...making, ...graded }, image, signal);
  return { ...graded, shim, image, addresses, generation };
}

type Graded = Pick<Provided, "service" | "sealer">;

/** Rejects with `policy-refused` where the service wants what its image does not allow. */
function grade(work: Work, service: DesiredService, image: ImageDetail): Graded {
  if (sealedNames(service).length === 0) return { service, sealer: undefined };
  const sealer = sealerFor(service, { shim: work.observed.shim, image });
  if (sealer === "shim" || sealer === "shell") return { service, sealer };
  const why = "some variable has a name that no shell takes";
  return { service: exposedOrRefused(work, service, why), sealer: undefined };
}

/** The service with its variables in the container's configuration, where its policy allows that; it is told. */
export function exposedOrRefused(
  { report }: Work,
  service: DesiredService,
  why: string,
): DesiredService {
  if (service.policy.env !== "sealed") {
    const message = `service "${service.name}": ${why}, so that \`docker inspect\` shows its variables`;
    report({ type: "warning", code: "exposed", message });
    return exposed(service);
  }
  throw sealingRefused(service.name, why);
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

async function deliverFiles(
  work: Work,
  { service, number, sealer }: Pick<Making, "number"> & Graded,
  image: ImageDetail,
  signal: AbortSignal,
): Promise<Generation | undefined> {
  if (service.files.length === 0 && sealer === undefined) return undefined;
  const request = await requestFor(work, service, number, image, signal);
  const variables = sealer === undefined ? undefined : variablesFile(service, work.values, sealer);
  const files = [...request.files, ...(variables === undefined ? [] : [variables])];
  const generation = await work.delivery.deliver({ ...request, files }, signal);
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
    // What a program gave when the container was made is not at hand where it only gets new files.
    parts: partsOf(service)
      .filter((reference) => !isGiven(reference) || work.answers.has(reference))
      .map((reference) => work.values.render([reference])),
  };
}

/** References whose values no file holds alone. */
function partsOf({ bindings }: DesiredService): readonly Reference[] {
  const hidden = bindings.filter(
    ({ place, template }) => place.kind === "environment" || template.length > 1,
  );
  const references = hidden.flatMap(({ template }) => referencesOf(template));
  return [...new Map(references.map((one) => [one.text, one])).values()];
}
