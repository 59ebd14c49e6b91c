import { DsoError, type ErrorCode, type ErrorDetail } from "../../model/errors.ts";
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
  /** Those of another service of the project by number, for whatever joins or links to it. */
  readonly containersOf: (service: string) => readonly Neighbour[];
  /** Variables that every container gets whose service does not set them. */
  readonly proxies: Readonly<Record<string, string>>;
  /** Absolute targets of the secrets and configs that the caller mounts itself. */
  readonly delivered: ReadonlySet<string>;
  /** The text of a file of this host, by its absolute path; throws where it cannot be read. */
  readonly readFile: (path: string) => string;
}

export interface Neighbour {
  readonly id: string;
  readonly name: string;
}

type Field = readonly (string | number)[];

/** What the engine cannot do, at a field of the service. */
export function refusal(
  context: CreateContext,
  field: Field,
  what: string,
  hint: string,
): DsoError {
  return faultAt(context, "compose-unsupported", field, what, { hint });
}

export function invalid(
  context: CreateContext,
  field: Field,
  what: string,
  detail: ErrorDetail,
): DsoError {
  return faultAt(context, "compose-invalid", field, what, detail);
}

function faultAt(
  { project, serviceName }: CreateContext,
  code: ErrorCode,
  field: Field,
  what: string,
  detail: ErrorDetail,
): DsoError {
  const path = ["services", serviceName, ...field];
  const position = project.positions.at(path);
  return new DsoError(code, `${path.join(".")} ${what}`, {
    ...detail,
    ...(position === undefined ? {} : { position }),
  });
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
  const [first] = context.containersOf(service);
  if (first !== undefined) return first.id;
  const what = `services.${context.serviceName}.${field}: ${service} has no container`;
  throw new DsoError("dependency-failed", what, { hint: `Start ${service} first.` });
}
