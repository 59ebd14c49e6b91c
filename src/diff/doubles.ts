import type { DesiredService } from "../model/desired.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Expectation } from "./decision.ts";
import { type Instance, liveness } from "./inventory.ts";
import { isOfImage, unboundFiles } from "./judge.ts";
import { byText } from "./order.ts";
import { containerName, type Situation } from "./situation.ts";

/**
 * Of two with one number the better stays: one that runs before all. Labels are
 * copied into images and on to what is made of these, so of the rest name, image
 * and mounts tell the genuine one, and the newer one stays only where they do not.
 */
export function withoutDoubles(
  situation: Situation,
  service: DesiredService,
  instances: readonly Instance[],
  expected: Expectation,
): { readonly kept: readonly Instance[]; readonly doubles: readonly Instance[] } {
  const numbers = new Set(instances.map(({ number }) => number));
  if (numbers.size === instances.length) return { kept: instances, doubles: [] };
  const rank = ({ container, number }: Instance): readonly number[] => [
    liveness(container),
    Number(container.name === containerName(situation, service, number)),
    Number(isOfImage(situation, service, container)),
    Number(unboundFiles(situation, service, container).length === 0),
    Number(expected.hashes.has(container.labels[COMPOSE.configHash] ?? "")),
    container.created,
  ];
  const ranked = instances.map((instance) => ({ instance, ranks: rank(instance) }));
  const best = ranked
    .sort(
      (a, b) =>
        compare(b.ranks, a.ranks) || byText(a.instance.container.id, b.instance.container.id),
    )
    .map(({ instance }) => instance);
  const first = new Map<number, Instance>();
  for (const instance of best) {
    if (!first.has(instance.number)) first.set(instance.number, instance);
  }
  const kept = instances.filter((instance) => first.get(instance.number) === instance);
  return { kept, doubles: instances.filter((instance) => !kept.includes(instance)) };
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((one, index) => one !== b[index]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
