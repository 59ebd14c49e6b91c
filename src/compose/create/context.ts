import { DsoError } from "../../model/errors.ts";
import type { ComposeProject, ServiceModel } from "../../model/project.ts";

/** What the create body of one container depends on besides its service. */
export interface CreateContext {
  readonly project: ComposeProject;
  readonly serviceName: string;
  /** From 1 on. */
  readonly number: number;
  /** The name that the container has in the end. */
  readonly containerName: string;
  /** What `image:` names, or the tag of what was built. */
  readonly image: string;
  readonly imageId: string;
  readonly configHash: string;
  /** The engine's, e.g. `1.41`. */
  readonly apiVersion: string;
  /** For `service:` references and `volumes_from`. */
  readonly containerIdOf: (service: string) => string | undefined;
  /** Absolute targets of the secrets and configs that the caller mounts itself. */
  readonly delivered: ReadonlySet<string>;
}

/** Rejects with `compose-unsupported` when the engine is older than `version`. */
export function requireApi(context: CreateContext, version: string, ...field: string[]): void {
  if (atLeast(context.apiVersion, version)) return;
  throw refusal(
    context,
    field,
    `needs an engine with API ${version}; this one has ${context.apiVersion}`,
    "Take it out, or use a newer engine.",
  );
}

export function refusal(
  { project, serviceName }: CreateContext,
  field: readonly (string | number)[],
  what: string,
  hint: string,
): DsoError {
  const path = ["services", serviceName, ...field];
  const position = project.positions.at(path);
  return new DsoError("compose-unsupported", `${path.join(".")} ${what}`, {
    hint,
    ...(position === undefined ? {} : { position }),
  });
}

function atLeast(actual: string, wanted: string): boolean {
  const [major = 0, minor = 0] = actual.split(".").map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** `host`, `container:…`; `service:x` as the container that x runs in. */
export function namespaceMode(
  context: CreateContext,
  field: "network_mode" | "ipc" | "pid",
  service: ServiceModel,
): string | undefined {
  const mode = service[field];
  const target = /^service:(.+)$/s.exec(mode ?? "")?.[1];
  return target === undefined ? mode : `container:${containerOf(context, target, field)}`;
}

export function containerOf(context: CreateContext, service: string, field: string): string {
  const id = context.containerIdOf(service);
  if (id !== undefined) return id;
  const what = `services.${context.serviceName}.${field}: ${service} has no container`;
  throw new DsoError("dependency-failed", what, { hint: `Start ${service} first.` });
}
