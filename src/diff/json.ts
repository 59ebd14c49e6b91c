/** The plan in the shape of Terraform's `show -json`, so that programs that read those read ours. */
import type { Change, Plan } from "../model/plan.ts";
import type { Json } from "../model/project.ts";
import { resourceChange, resourceName, resourceType } from "./resourceJson.ts";

export { actionReason } from "./resourceJson.ts";

type Values = Readonly<Record<string, Json>>;

export interface PlanMeta {
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly dsoVersion: string;
  /** By address: what is known of the objects that stay as they are (`currentValues`). */
  readonly values?: Readonly<Record<string, Values>>;
}

/** The version of Terraform whose shape this is. */
const SHAPE = { format_version: "1.2", terraform_version: "1.11.4" } as const;

export function planJson(plan: Plan, meta: PlanMeta): Readonly<Record<string, unknown>> {
  const unchanged = plan.unchanged.map((address) => ({
    address,
    values: meta.values?.[address] ?? {},
  }));
  const planned = [...plan.changes.flatMap(plannedResource), ...unchanged];
  const prior = [...plan.changes.flatMap(priorResource), ...unchanged];
  return {
    ...SHAPE,
    planned_values: { root_module: { resources: planned.map(stateResource) } },
    resource_drift: plan.drift.map(resourceChange),
    resource_changes: [
      ...plan.changes.map(resourceChange),
      ...unchanged.map(({ address, values }) => noChange(address, values)),
    ],
    prior_state: {
      format_version: "1.0",
      terraform_version: SHAPE.terraform_version,
      values: { root_module: { resources: prior.map(stateResource) } },
    },
    configuration: {
      provider_config: { dso: { name: "dso", full_name: "dso" } },
      root_module: { resources: configuration(planned) },
    },
    timestamp: meta.createdAt,
    applyable: plan.operations.length > 0,
    complete: plan.options.targets.length + plan.options.excludes.length === 0,
    errored: false,
    dso: ownPart(plan, meta),
  };
}

interface Resource {
  readonly address: string;
  readonly values: Values;
  readonly sensitive?: Json;
}

function plannedResource(change: Change): readonly Resource[] {
  const { address, after, before, method } = change;
  const values = method === "none" ? before : after;
  if (values === null) return [];
  return [{ address, values, sensitive: resourceChange(change).change.after_sensitive }];
}

function priorResource(change: Change): readonly Resource[] {
  const { address, before } = change;
  if (before === null) return [];
  return [{ address, values: before, sensitive: resourceChange(change).change.before_sensitive }];
}

function stateResource({ address, values, sensitive = {} }: Resource): object {
  return {
    ...identity(address),
    provider_name: "dso",
    schema_version: 0,
    values,
    sensitive_values: sensitive,
  };
}

function identity(address: string): object {
  const { type, name, index } = resourceName(address);
  return {
    address,
    mode: "managed",
    type,
    name,
    ...(index === undefined ? {} : { index }),
  };
}

function noChange(address: string, values: Values): object {
  return {
    ...identity(address),
    provider_name: "dso",
    change: {
      actions: ["no-op"],
      before: values,
      after: values,
      after_unknown: {},
      before_sensitive: {},
      after_sensitive: {},
    },
  };
}

/** One entry for all replicas of a service, as Terraform has one for all of a `count`. */
function configuration(resources: readonly Resource[]): readonly object[] {
  const seen = new Map<string, Values>();
  for (const { address, values } of resources) {
    const base = address.replace(/\[[^\]]*\]$/, "");
    if (!seen.has(base)) seen.set(base, values);
  }
  return [...seen].map(([address, values]) => ({
    address,
    mode: "managed",
    type: resourceType(address),
    name: resourceName(address).name,
    provider_config_key: "dso",
    expressions: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, { constant_value: value }]),
    ),
    schema_version: 0,
  }));
}

/** What Terraform has no word for. */
function ownPart(plan: Plan, { dsoVersion }: PlanMeta): object {
  return {
    format_version: "1.0",
    version: dsoVersion,
    project: plan.project,
    engine_id: plan.engineId,
    mode: plan.options.mode,
    changes: plan.changes.map(({ address, reasons, method, downtime, deliveries }) => ({
      address,
      reasons,
      method: method ?? null,
      expected_downtime_ms: downtime?.expectedMs ?? null,
      worst_downtime_ms: downtime?.worstMs ?? null,
      forced_by: downtime?.forcedBy ?? [],
      deliveries,
    })),
    operations: plan.operations,
    warnings: plan.warnings,
  };
}
