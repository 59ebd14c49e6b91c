/** What the containers need that run before those of a service, beside what these need. */
import type { DesiredService } from "./desired.ts";
import type { ForerunnerModel, ServiceModel } from "./project.ts";

/** The service as it were if each of them was one: with its own image and its own model. */
export function forerunnersOf(service: DesiredService): readonly DesiredService[] {
  const models: readonly ForerunnerModel[] = service.model.pre_start ?? [];
  return models.map((model) => ({ ...service, model, image: model.image ?? service.image }));
}

/** The service's model, and theirs. */
export function modelsOf({ model }: Pick<DesiredService, "model">): readonly ServiceModel[] {
  return [model, ...(model.pre_start ?? [])];
}
