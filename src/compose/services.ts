/** All that has what a service has: the services, and the jobs. */
import { changeEntry, entriesOf, mapEntries } from "./node.ts";
import type { Mapping, Node } from "./node.ts";

/** `change` gets their names, too: a job and a service never have the same. */
export function eachService(
  document: Mapping,
  change: (service: Mapping, name: string) => Node,
): Mapping {
  const inside = (section: Node): Node =>
    mapEntries(section, (node, name) => (node.kind === "mapping" ? change(node, name) : node));
  return changeEntry(changeEntry(document, "services", inside), "jobs", inside) as Mapping;
}

/** The same to look at. */
export function servicesOf(document: Mapping): readonly (readonly [string, Node])[] {
  return ["services", "jobs"].flatMap((section) => [...entriesOf(document.entries.get(section))]);
}
