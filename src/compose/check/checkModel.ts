/** What the schema cannot say about one file's model. */
import { isIP } from "node:net";
import { invalidAt } from "../fault.ts";
import { entriesOf, get, textAt } from "../node.ts";
import type { Mapping, Node, Path } from "../node.ts";
import { rewrite, rules } from "../rules.ts";
import type { Rewrite } from "../rules.ts";

/** More than an engine can run; it keeps a mistyped number from filling the memory. */
const MAX_REPLICAS = 9999;

type Check = (node: Node, path: Path) => void;

const CHECKS: Readonly<Record<string, Check>> = {
  "configs.*": oneSource("file", "environment", "content"),
  "secrets.*": oneSource("file", "environment"),
  "services.*.deploy.replicas": replicas,
  "services.*.deploy.resources.reservations.devices.*": countOrIds,
  "services.*.develop.watch.*.path": notBlank,
  "services.*.gpus.*": countOrIds,
  "services.*.ports.*.host_ip": isAddress,
  "services.*.scale": replicas,
  "services.*.volumes.*": bindHasSource,
  "volumes.*": externalAlone,
};

const TABLE = rules<Rewrite<undefined>>(
  Object.fromEntries(
    Object.entries(CHECKS).map(([place, check]) => [
      place,
      (node: Node, path: Path) => {
        check(node, path);
        return node;
      },
    ]),
  ),
);

/** Rejects with `compose-invalid`. */
export function checkModel(document: Mapping): Mapping {
  rewrite(document, TABLE, undefined);
  return document;
}

function oneSource(...keys: readonly string[]): Check {
  return (node, path) => {
    const given = keys.filter((key) => get(node, key) !== undefined);
    const names = keys.join(", ");
    if (given.length > 1) throw invalidAt(path, `only one of ${names} may be set`, node);
    const elsewhere = get(node, "driver") ?? get(node, "external");
    if (given.length === 0 && elsewhere === undefined) {
      throw invalidAt(path, `one of ${names} must be set`, node);
    }
  };
}

function externalAlone(node: Node, path: Path): void {
  if (textAt(node, "external") !== "true") return;
  const other = [...entriesOf(node).keys()].find((key) =>
    ["driver", "driver_opts", "labels"].includes(key),
  );
  if (other !== undefined) throw invalidAt(path, `external and ${other} exclude each other`, node);
}

function replicas(node: Node, path: Path): void {
  const count = Number(textAt(node));
  if (count < 0) throw invalidAt(path, "must be 0 or more", node);
  if (count > MAX_REPLICAS) throw invalidAt(path, `must be ${MAX_REPLICAS} or less`, node);
}

function countOrIds(node: Node, path: Path): void {
  if (get(node, "count") !== undefined && get(node, "device_ids") !== undefined) {
    throw invalidAt(path, "count and device_ids exclude each other", node);
  }
}

function notBlank(node: Node, path: Path): void {
  if (textAt(node) === "") throw invalidAt(path, "must not be empty", node);
}

function isAddress(node: Node, path: Path): void {
  const address = textAt(node) ?? "";
  if (isIP(address) === 0) {
    throw invalidAt(path, `"${address}" is no IP address`, node);
  }
}

function bindHasSource(node: Node, path: Path): void {
  if (textAt(node, "type") === "bind" && get(node, "source") === undefined) {
    throw invalidAt(path, "source is missing", node, "Name the path on the host.");
  }
}
