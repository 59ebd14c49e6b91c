/** Small projects as the planner is given them. */
import type {
  Binding,
  Desired,
  DesiredService,
  FileContent,
  FileDelivery,
  Grade,
  ServicePolicy,
} from "../../src/model/desired.ts";
import { findEmbedded, isReferenceLike, parseReference } from "../../src/model/parseReference.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from "../../src/model/plan.ts";
import type { NetworkModel, ServiceModel, VolumeModel } from "../../src/model/project.ts";

const POLICY: ServicePolicy = {
  strategy: "restart",
  env: "auto",
  signal: undefined,
  drainMs: 10_000,
  shared: [],
  health: {
    probe: undefined,
    timeoutMs: 60_000,
    retries: 3,
    intervalMs: 1000,
    startPeriodMs: undefined,
    settleMs: 3000,
  },
  rotationTimeoutMs: 30_000,
  rollbackOnFailure: true,
};

const PROVIDERS = { providers: new Set(["vault", "local"]), defaultProvider: "local" };

export interface ServiceInput {
  readonly model: ServiceModel;
  readonly replicas?: number;
  readonly policy?: Partial<ServicePolicy>;
  /** Of its variables with values; exposed, unless it is said. */
  readonly grade?: Grade;
  /** Absolute target to a reference's text, a template with `{{…}}`, `/path` or `$NAME` of the host. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface ProjectInput {
  readonly services: Readonly<Record<string, ServiceModel | ServiceInput>>;
  readonly networks?: Readonly<Record<string, Partial<NetworkModel>>>;
  readonly volumes?: Readonly<Record<string, Partial<VolumeModel>>>;
  readonly versions?: Readonly<Record<string, string>>;
  readonly disabled?: readonly string[];
  /** Dotted paths that come from a variable. */
  readonly private?: readonly string[];
  readonly unversioned?: readonly string[];
}

export function project(input: ProjectInput): Desired {
  const hidden = new Set(input.private ?? []);
  const networks = input.networks ?? { default: {} };
  const services = Object.entries(input.services).map(([name, one]) =>
    service(name, "model" in one ? (one as ServiceInput) : { model: one }, networks),
  );
  const named = <T extends object>(
    all: Readonly<Record<string, T>>,
  ): Map<string, T & { readonly name: string }> =>
    new Map(Object.entries(all).map(([key, model]) => [key, { name: `shop_${key}`, ...model }]));
  return {
    project: {
      name: "shop",
      workingDir: "/srv/shop",
      files: ["/srv/shop/compose.yaml"],
      environmentFiles: [],
      profiles: [],
      services: new Map(services.map((one) => [one.name, one.model])),
      disabledServices: input.disabled ?? [],
      networks: named(networks),
      volumes: named(input.volumes ?? {}),
      secrets: new Map(),
      configs: new Map(),
      positions: { at: () => undefined, literal: (path) => !hidden.has(path.join(".")) },
      warnings: [],
    },
    services: new Map(services.map((one) => [one.name, one])),
    versions: new Map(Object.entries(input.versions ?? {})),
    unversioned: new Set(input.unversioned ?? []),
  };
}

function service(
  name: string,
  { model, replicas, policy, files, grade = "exposed" }: ServiceInput,
  networks: object,
): DesiredService {
  const attached: ServiceModel =
    model.networks !== undefined || model.network_mode !== undefined || !("default" in networks)
      ? model
      : { ...model, networks: { default: null } };
  const deliveries = Object.entries(files ?? {}).map(([target, text]) => fileOf(target, text));
  return {
    name,
    model: attached,
    replicas: replicas ?? 1,
    image: model.image ?? `shop-${name}`,
    bindings: [...environmentBindings(model, grade), ...deliveries.flatMap(fileBinding)],
    files: deliveries,
    policy: { ...POLICY, ...policy },
  };
}

function environmentBindings({ environment }: ServiceModel, grade: Grade): readonly Binding[] {
  return Object.entries(environment ?? {}).flatMap(([name, value]): readonly Binding[] => {
    if (value === null || !isReferenceLike(value)) return [];
    const template = value.startsWith("dso://")
      ? [parseReference(value, PROVIDERS)]
      : findEmbedded(value, PROVIDERS);
    return [{ place: { kind: "environment", name }, template, grade, position: undefined }];
  });
}

function fileOf(target: string, text: string): FileDelivery {
  const inDirectory = target.startsWith("/run/secrets/");
  const owner = { mode: undefined, uid: undefined, gid: undefined };
  return { target, inDirectory, content: contentOf(text), ...owner };
}

function contentOf(text: string): FileContent {
  if (text.startsWith("/")) return { kind: "host-file", path: text };
  if (text.startsWith("$")) return { kind: "host-variable", variable: text.slice(1) };
  const template = /^dso(file)?:\/\//.test(text)
    ? [parseReference(text, PROVIDERS)]
    : findEmbedded(text, PROVIDERS);
  return { kind: "template", template };
}

function fileBinding({ target, content }: FileDelivery): readonly Binding[] {
  if (content.kind !== "template") return [];
  const { template } = content;
  return [{ place: { kind: "file", target }, template, grade: "file", position: undefined }];
}

export function options(some: Partial<PlanOptions> = {}): PlanOptions {
  return { ...DEFAULT_PLAN_OPTIONS, ...some };
}
