/** The table of short forms: what `docker compose config` writes in full. */
import type { Mapping } from "../node.ts";
import { scalar } from "../node.ts";
import { rewrite, rules } from "../rules.ts";
import type { Rewrite } from "../rules.ts";
import { canonicalPorts } from "./ports.ts";
import {
  asEntry,
  asList,
  assignmentsToMapping,
  canonicalDependsOn,
  canonicalDevice,
  canonicalEnvFile,
  canonicalExternal,
  canonicalGpus,
  canonicalVolume,
  namesToMapping,
  withoutEmpty,
} from "./services.ts";

const nothing = namesToMapping((at) => scalar(null, at));

const SERVICE: Readonly<Record<string, Rewrite<undefined>>> = {
  build: asEntry("context"),
  "build.additional_contexts": assignmentsToMapping,
  "build.no_cache_filter": asList,
  "build.secrets.*": asEntry("source"),
  "build.ssh": assignmentsToMapping,
  "configs.*": asEntry("source"),
  depends_on: canonicalDependsOn,
  "develop.watch.*.ignore": asList,
  "develop.watch.*.include": asList,
  "devices.*": canonicalDevice,
  dns: (node) => withoutEmpty(asList(node)),
  dns_search: asList,
  env_file: canonicalEnvFile,
  extends: asEntry("service"),
  gpus: canonicalGpus,
  label_file: asList,
  models: nothing,
  networks: nothing,
  ports: canonicalPorts,
  "secrets.*": asEntry("source"),
  tmpfs: asList,
  // Of a job alone.
  "triggers.schedule.*": asEntry("cron"),
  "volumes.*": canonicalVolume,
};

const CANONICAL = rules<Rewrite<undefined>>({
  ...Object.fromEntries(
    Object.entries(SERVICE).map(([path, change]) => [`services.*.${path}`, change]),
  ),
  "configs.*": canonicalExternal,
  "networks.*": canonicalExternal,
  "secrets.*": canonicalExternal,
  "volumes.*": canonicalExternal,
});

/** Rejects with `compose-invalid` on a short form that cannot be read. */
export function canonical(document: Mapping): Mapping {
  return rewrite(document, CANONICAL, undefined) as Mapping;
}
