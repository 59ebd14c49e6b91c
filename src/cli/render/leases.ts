/** Credentials that stores have issued for a time, for people: what is held, how long, and what is wrong. */
import type { AgentStatus } from "../../agent/control.ts";
import type { DsoError } from "../../model/errors.ts";
import type { LeaseStatus } from "../../reconciler/leaseStatus.ts";
import { printable, type Style } from "./style.ts";
import { table } from "./table.ts";

export interface LeasesStatus {
  readonly held: readonly LeaseStatus[];
  /** Lists that cannot be read. */
  readonly faults: readonly DsoError[];
}

/** Nothing where nothing is held and nothing is wrong. */
export function leaseBlock(
  { held, faults }: LeasesStatus,
  agent: AgentStatus | undefined,
  style: Style,
): readonly string[] {
  const rows = held.map(({ secret, version, newest, until }) => {
    const state = newest ? "held" : "replaced, given back once nobody has it";
    return [secret, version, until ?? "-", until === undefined ? "over" : state].map(printable);
  });
  const said = [
    ...faults.map(({ message }) => message),
    ...(agent?.leases ?? []).map(({ provider, message }) => `${provider}: ${message}`),
  ];
  const lines = [
    ...(rows.length === 0 ? [] : [table(["LEASE", "VERSION", "GOOD UNTIL", "STATE"], rows)]),
    ...said.map((line) => style.red(printable(`  ${line}`))),
  ];
  return lines.length === 0 ? [] : [lines.join("\n")];
}
