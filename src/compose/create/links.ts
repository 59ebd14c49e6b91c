/** Names by which a container finds others, beside those that its networks know. */
import type { ServiceModel } from "../../model/project.ts";
import type { CreateContext } from "./context.ts";

/**
 * `container:alias` for every container that a linked service has: its alias, and what Compose calls
 * the replica of this one's number. Undefined where nothing is linked. The engine looks an alias up by
 * the container's name each time it is asked for, so a replacement of that name is found.
 */
export function links(
  service: ServiceModel,
  context: CreateContext,
): readonly string[] | undefined {
  const { project, number } = context;
  const inside = listOf(service["links"]).flatMap((link) => {
    const [target = "", alias = target] = link.split(":");
    const aliases = [alias, `${target}-${number}`, `${project.name}-${target}-${number}`];
    return context
      .containersOf(target)
      .flatMap(({ name }) => aliases.map((one) => `${name}:${one}`));
  });
  const outside = listOf(service["external_links"]).map((link) => {
    const [target = "", alias = target] = link.split(":");
    return `${target}:${alias}`;
  });
  const all = [...inside, ...outside];
  return all.length === 0 ? undefined : all;
}

function listOf(value: unknown): readonly string[] {
  return (value ?? []) as readonly string[];
}
