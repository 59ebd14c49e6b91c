/** Fields under the `x-` names that they had before Compose made them its own. */
import { eachService } from "../services.ts";
import { mergeService } from "./merge.ts";
import { changeEntry, get, mapping, withEntry } from "../node.ts";
import type { Mapping, Node } from "../node.ts";

/** `x-develop` is `develop`, `x-initialSync` its `initial_sync`; the new name wins. */
export function promoteAliases(document: Mapping): Mapping {
  return eachService(document, (service, name) => {
    const older = service.entries.get("x-develop");
    const promoted = older === undefined ? service : promoteDevelop(service, older, name);
    return changeEntry(promoted, "develop", (develop) =>
      changeEntry(develop, "watch", (watch) =>
        watch.kind === "sequence" ? { ...watch, items: watch.items.map(promoteSync) } : watch,
      ),
    );
  });
}

function promoteDevelop(service: Mapping, older: Node, name: string): Mapping {
  const rest = withEntry(service, "x-develop", undefined);
  const own = rest.entries.get("develop");
  if (own === undefined) return withEntry(rest, "develop", older);
  const under = (develop: Node) => mapping([["develop", develop]], develop.at);
  return withEntry(rest, "develop", get(mergeService(under(older), under(own), name), "develop"));
}

function promoteSync(item: Node): Node {
  const older = get(item, "x-initialSync");
  if (item.kind !== "mapping" || older === undefined) return item;
  const rest = withEntry(item, "x-initialSync", undefined);
  return rest.entries.has("initial_sync") ? rest : withEntry(rest, "initial_sync", older);
}
