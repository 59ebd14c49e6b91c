/** Variables of hooks that would be lost among those that come sealed. Pure. */
import type { Binding } from "../../model/desired.ts";
import { DsoError, withPosition } from "../../model/errors.ts";
import type { ServiceModel } from "../../model/project.ts";
import type { Reading } from "./reading.ts";

const KINDS = ["pre_start", "post_start", "pre_stop"] as const;

/**
 * One `compose-unsupported` for each variable that stands over one with a value: a sealed one is brought
 * in just before the program starts, and would be what it finds.
 */
export function hookFaults(
  { project, service, model }: Pick<Reading, "project" | "service" | "model">,
  bindings: readonly Binding[],
): readonly DsoError[] {
  const sealed = new Set(
    bindings.flatMap(({ place, grade }) =>
      place.kind === "environment" && grade === "sealed" ? [place.name] : [],
    ),
  );
  return KINDS.flatMap((kind) =>
    (model[kind] ?? []).flatMap((hook, index) =>
      overridden(hook.environment, model.environment, sealed).map((name) => {
        const path = ["services", service, kind, index, "environment", name];
        const message = `${path.join(".")} stands over a sealed variable of the service`;
        const hint = "Give it another name, or choose env: exposed for the service knowingly.";
        const fault = new DsoError("compose-unsupported", message, { hint });
        return withPosition(fault, project.positions.at(path));
      }),
    ),
  );
}

function overridden(
  own: ServiceModel["environment"] = {},
  lent: ServiceModel["environment"] = {},
  sealed: ReadonlySet<string>,
): readonly string[] {
  return Object.keys(own).filter((name) => sealed.has(name) && own[name] !== lent[name]);
}
