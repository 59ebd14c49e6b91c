/** Which services are switched on. */
import { DsoError } from "../model/errors.ts";
import { entriesOf, get, itemsOf, mapping, textAt, withEntry } from "./node.ts";
import type { Mapping, Node } from "./node.ts";

export interface Selection {
  readonly document: Mapping;
  /** Names of the services that are switched off. */
  readonly disabled: readonly string[];
  /** All that some service names, sorted. */
  readonly known: readonly string[];
}

/** A service that is named in `services` brings its own profiles. */
export function selectServices(
  document: Mapping,
  profiles: readonly string[],
  services: readonly string[],
): Selection {
  const node = document.entries.get("services");
  const all = entriesOf(node);
  const unknown = services.find((name) => !all.has(name));
  if (unknown !== undefined) {
    throw new DsoError("compose-invalid", `no service "${unknown}"`, {
      hint: `Services: ${[...all.keys()].toSorted().join(", ")}.`,
    });
  }
  // Where none is asked for, that is the profile without a name.
  const asked = profiles.length === 0 ? [""] : profiles;
  const active = new Set([...asked, ...services.flatMap((name) => profilesOf(all.get(name)))]);
  const enabled = [...all].filter(([, service]) => {
    const own = profilesOf(service);
    return own.length === 0 || active.has("*") || own.some((profile) => active.has(profile));
  });
  const names = new Set(enabled.map(([name]) => name));
  const disabled = [...all.keys()].filter((name) => !names.has(name));
  const kept = enabled.map(
    ([name, service]) => [name, withoutOptional(service, new Set(disabled))] as const,
  );
  return {
    document: withEntry(document, "services", mapping(kept, node?.at ?? document.at)),
    disabled: disabled.toSorted(),
    known: [...new Set([...all.values()].flatMap(profilesOf))].toSorted(),
  };
}

function profilesOf(service: Node | undefined): readonly string[] {
  return itemsOf(get(service, "profiles")).flatMap((profile) => textAt(profile) ?? []);
}

/** A dependency that may be missing and is switched off does not count. */
function withoutOptional(service: Node, disabled: ReadonlySet<string>): Node {
  const dependencies = get(service, "depends_on");
  if (service.kind !== "mapping" || dependencies?.kind !== "mapping") return service;
  const kept = [...dependencies.entries].filter(
    ([name, entry]) => !(disabled.has(name) && textAt(entry, "required") === "false"),
  );
  return withEntry(service, "depends_on", { ...dependencies, entries: new Map(kept) });
}
