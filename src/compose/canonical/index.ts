/** The table of short forms: what `docker compose config` writes in full. */
import { DsoError } from "../../model/errors.ts";
import type { Loading } from "../loading.ts";
import type { Mapping, Node, Path } from "../node.ts";
import { scalar } from "../node.ts";
import { rewrite, rules } from "../rules.ts";
import type { Rewrite } from "../rules.ts";
import { canonicalPorts } from "./ports.ts";
import {
  asEntry,
  asList,
  assignmentsToMapping,
  canonicalContexts,
  canonicalDependsOn,
  canonicalDevice,
  canonicalEnvFile,
  canonicalExtends,
  canonicalExternal,
  canonicalGpus,
  canonicalVolume,
  namesToMapping,
  withoutEmpty,
} from "./services.ts";

type Leniency = Pick<Loading, "keepVariables">;
type Change = (node: Node, path: Path) => Node;

/** Where variables are kept, a text that cannot be read without them is, too. */
function lenient(change: Change): Rewrite<Leniency> {
  return (node, path, { keepVariables }) => {
    try {
      return change(node, path);
    } catch (error) {
      if (keepVariables && error instanceof DsoError) return node;
      throw error;
    }
  };
}

const nothing = namesToMapping((at) => scalar(null, at));

const SERVICE: Readonly<Record<string, Rewrite<Leniency>>> = {
  build: asEntry("context"),
  "build.additional_contexts": canonicalContexts,
  "build.no_cache_filter": asList,
  "build.secrets.*": asEntry("source"),
  "build.ssh": assignmentsToMapping,
  "configs.*": asEntry("source"),
  depends_on: canonicalDependsOn,
  "develop.watch.*.ignore": asList,
  "develop.watch.*.include": asList,
  "devices.*": lenient(canonicalDevice),
  dns: (node) => withoutEmpty(asList(node)),
  dns_search: asList,
  env_file: canonicalEnvFile,
  extends: canonicalExtends,
  gpus: canonicalGpus,
  label_file: asList,
  models: nothing,
  networks: nothing,
  ports: lenient(canonicalPorts),
  "secrets.*": asEntry("source"),
  tmpfs: asList,
  // Of a job alone.
  "triggers.schedule.*": asEntry("cron"),
  "volumes.*": lenient(canonicalVolume),
};

const CANONICAL = rules<Rewrite<Leniency>>({
  ...Object.fromEntries(
    Object.entries(SERVICE).map(([path, change]) => [`services.*.${path}`, change]),
  ),
  "configs.*": canonicalExternal,
  "networks.*": canonicalExternal,
  "secrets.*": canonicalExternal,
  "volumes.*": canonicalExternal,
});

/** Rejects with `compose-invalid` on a short form that cannot be read. */
export function canonical(document: Mapping, leniency: Leniency): Mapping {
  return rewrite(document, CANONICAL, leniency) as Mapping;
}
