/** What the containers need that run before those of a service, beside what these need. */
import type { DesiredService } from "./desired.ts";
import type { FileGrantModel, ForerunnerModel, ServiceModel } from "./project.ts";

/** The service as it were if each of them was one: with its own image and its own model. */
export function forerunnersOf(service: DesiredService): readonly DesiredService[] {
  const { pre_start = [], secrets, configs } = service.model;
  return pre_start.map((model: ForerunnerModel) => ({
    ...service,
    image: model.image ?? service.image,
    model: {
      ...model,
      // With the mounts of the service's container come its files.
      secrets: ownGrants(model.secrets, secrets),
      configs: ownGrants(model.configs, configs),
    },
  }));
}

function ownGrants(
  all: readonly FileGrantModel[] = [],
  lent: readonly FileGrantModel[] = [],
): readonly FileGrantModel[] {
  return all.filter(({ source }) => !lent.some((one) => one.source === source));
}

/** The service's model, and theirs. */
export function modelsOf({ model }: Pick<DesiredService, "model">): readonly ServiceModel[] {
  return [model, ...(model.pre_start ?? [])];
}
