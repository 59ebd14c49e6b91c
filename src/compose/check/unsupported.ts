/** What Compose has and this release does not: refused by name, never dropped. */
import { combine } from "../../model/errors.ts";
import type { DsoError } from "../../model/errors.ts";
import { unsupported } from "../fault.ts";
import { showPath, textAt } from "../node.ts";
import type { Mapping, Node, Path } from "../node.ts";
import { rewrite, rules } from "../rules.ts";
import type { Rewrite } from "../rules.ts";

interface Refusal {
  readonly hint: string;
  /** Only these values are refused; without it, any. */
  readonly values?: ReadonlySet<string>;
}

const LATER = "Take it out, or run this project with docker compose.";
const WINDOWS = "It belongs to engines on Windows, and DSO works with those on Linux; take it out.";
const OWN = "Write dso:// references where the values are to be: DSO gives them itself.";
const SWARM = "It belongs to Swarm; use file:, environment: or a dso:// reference.";

const REFUSED: Readonly<Record<string, Refusal>> = {
  "configs.*.driver": { hint: SWARM },
  "configs.*.template_driver": { hint: SWARM },
  jobs: { hint: LATER },
  models: { hint: LATER },
  "secrets.*.driver": { hint: SWARM },
  "secrets.*.driver_opts": { hint: SWARM },
  "secrets.*.template_driver": { hint: SWARM },
  "services.*.credential_spec": { hint: WINDOWS },
  "services.*.isolation": { hint: WINDOWS, values: new Set(["hyperv", "process"]) },
  "services.*.models": { hint: LATER },
  "services.*.provider.type": { hint: OWN, values: new Set(["dso"]) },
  "services.*.use_api_socket": { hint: LATER, values: new Set(["true"]) },
  "services.*.volumes.*.type": {
    hint: "It belongs to Swarm or to engines on Windows; use bind, volume, tmpfs or image.",
    values: new Set(["cluster", "npipe"]),
  },
};

const TABLE = rules<Rewrite<DsoError[]>>(
  Object.fromEntries(
    Object.entries(REFUSED).map(([place, refusal]) => [
      place,
      (node: Node, path: Path, found: DsoError[]) => {
        if (refusal.values?.has(textAt(node) ?? "") ?? true) {
          const field = path.length === 1 ? `the section ${showPath(path)}` : showPath(path);
          found.push(unsupported(`${field} is not supported yet`, node.at, refusal.hint));
        }
        return node;
      },
    ]),
  ),
);

/** Rejects with `compose-unsupported` that lists every such field. */
export function refuseUnsupported(document: Mapping): void {
  const found: DsoError[] = [];
  rewrite(document, TABLE, found);
  if (found.length > 0) throw combine(found);
}
