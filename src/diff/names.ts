/** Names that one container of the project has and another is to have. */
import { lasting, only, replaced, type ServiceDecision } from "./decision.ts";
import type { Graph } from "./graph.ts";
import { containerAddress, type Instance } from "./inventory.ts";

/** The names that containers of the service get. */
export function wantedNames(decision: ServiceDecision): readonly string[] {
  return [
    ...only(decision, "create").map(({ name }) => name),
    ...replaced(decision).map(({ name }) => name),
    ...only(decision, "update").flatMap(({ repairs }) =>
      repairs.flatMap(({ step }) => (step?.kind === "rename" ? [step.name] : [])),
    ),
  ];
}

/**
 * Names can be in a ring: whoever has one that another is to have is named aside
 * before anything else, and gets its own name later. Returns the operations by the
 * container's former name.
 */
export function addVacating(
  graph: Graph,
  decisions: readonly ServiceDecision[],
  after: readonly number[],
): ReadonlyMap<string, number> {
  const wanted = new Set(decisions.flatMap(wantedNames));
  const holders = decisions.flatMap(leaving).filter(({ container, name }) => {
    return container.name !== name && wanted.has(container.name);
  });
  return new Map(
    holders.map(({ service, number, container }) => [
      container.name,
      graph.add(
        {
          kind: "rename-container",
          address: containerAddress(service, number),
          why: "another is to have its name",
          containerId: container.id,
          name: `${container.name}-${container.id.slice(0, 8)}`,
        },
        after,
      ),
    ]),
  );
}

/** What gives its name up: with the one that it or its successor gets. Doubles go before all in any case. */
function leaving(
  decision: ServiceDecision,
): readonly (Instance & { readonly name: string | undefined })[] {
  const stay = new Set(lasting(decision).map(({ number }) => number));
  return [
    ...only(decision, "update").flatMap(({ instance, repairs }) =>
      repairs.flatMap(({ step }) =>
        step?.kind === "rename" ? [{ ...instance, name: step.name }] : [],
      ),
    ),
    ...replaced(decision).map(({ instance, name }) => ({ ...instance, name })),
    ...only(decision, "remove")
      .filter(({ instance }) => !stay.has(instance.number))
      .map(({ instance }) => ({ ...instance, name: undefined })),
  ];
}
