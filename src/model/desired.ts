/** The compose model, its references and their versions: what should be, as data. */
import type { Position } from "./errors.ts";
import type { ComposeProject, ServiceModel } from "./project.ts";
import { encodePath, type Reference } from "./reference.ts";
import type { Version, Versions } from "./version.ts";

export interface Desired {
  readonly project: ComposeProject;
  readonly services: ReadonlyMap<string, DesiredService>;
  /** Services that are no containers: their programs give variables to others. Absent: none. */
  readonly programs?: Programs;
  /**
   * The snapshot that this attempt works with: secret name to version, and the name
   * of each host content that is delivered (`hostContentName`) to its fingerprint.
   */
  readonly versions: Versions;
  /** Secrets whose provider has no versions: what they hold is unknown until apply. */
  readonly unversioned: ReadonlySet<string>;
  /** Providers whose versions are fingerprints of values, which a plan therefore reads. Absent: none. */
  readonly byValue?: ReadonlySet<string>;
  /**
   * Secrets that are issued for a time while nobody is there who renews them, by name: when what is held
   * ends, ISO 8601; undefined where the next is yet to be issued. Absent: none.
   */
  readonly unrenewed?: ReadonlyMap<string, string | undefined>;
}

export interface DesiredService {
  readonly name: string;
  /** As Compose would see it: references stand in it as text, no value does. */
  readonly model: ServiceModel;
  readonly replicas: number;
  /** `image:`, else `<project>-<service>` of what is built. */
  readonly image: string;
  readonly bindings: readonly Binding[];
  /** Files of the service's memory directory; empty when nothing of it is ours. */
  readonly files: readonly FileDelivery[];
  readonly policy: ServicePolicy;
}

/** A provider service (`provider:`): no container, but a program that gives variables to those that depend on it. */
export interface ProgramService {
  readonly name: string;
  /** Which program: `docker-<type>` of Docker's plugins, else `<type>`. */
  readonly type: string;
  readonly options: Readonly<Record<string, readonly string[]>>;
  readonly model: ServiceModel;
  readonly position: Position | undefined;
  /**
   * What it gave when it was last asked, by variable as its dependents get it: a keyed fingerprint of each
   * value. Undefined where nobody knows: it was never asked, or `doubt` says why.
   */
  readonly answer: ReadonlyMap<string, Version> | undefined;
  /** Why nobody knows what it gives, though it was asked: a reason of the plan. */
  readonly doubt: { readonly code: string; readonly detail: string } | undefined;
  /** It was asked, in this form or another, and never told to take away what it made. */
  readonly isUp: boolean;
  /** It was asked in this run, so that its values are at hand. */
  readonly atHand: boolean;
}

/** By name. */
export type Programs = ReadonlyMap<string, ProgramService>;

/** How a service is to be changed: `x-dso`, else `defaults`, else `agent` of dso.yaml. */
export interface ServicePolicy {
  readonly strategy: Strategy;
  /** What `auto` becomes is decided where the image is known. */
  readonly env: EnvironmentPolicy;
  readonly signal: string | undefined;
  readonly drainMs: number;
  /** Volumes or paths that the owner declares safe to be written by two at once. */
  readonly shared: readonly string[];
  readonly health: HealthPolicy;
  /** Bounds one replica from create to serving. */
  readonly rotationTimeoutMs: number;
  readonly rollbackOnFailure: boolean;
}

export type Strategy = "restart" | "signal" | "refresh" | "none";
export type EnvironmentPolicy = "auto" | "sealed" | "exposed";

export interface HealthPolicy {
  readonly probe: HealthProbe | undefined;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly intervalMs: number;
  readonly startPeriodMs: number | undefined;
  /** How long a container without a check must run before it counts as serving. */
  readonly settleMs: number;
}

export type HealthProbe =
  | {
      readonly kind: "http";
      readonly port: number;
      readonly path: string;
      readonly status: number | undefined;
    }
  | { readonly kind: "tcp"; readonly port: number }
  | { readonly kind: "exec"; readonly argv: readonly string[] };

/** A healthcheck that runs less often is run by us while a new container is waited for. */
export const SLOW_CHECK_MS = 2000;
/** How often a healthcheck runs that does not say. */
export const DEFAULT_CHECK_MS = 30_000;

/** How well a delivered value is hidden. */
export type Grade = "file" | "sealed" | "exposed";

/** One value at one place of one service. */
export interface Binding {
  readonly place: Place;
  readonly template: Template;
  readonly grade: Grade;
  readonly position: Position | undefined;
}

/** The service with its variables where the engine shows them. */
export function exposed(service: DesiredService): DesiredService {
  const bindings = service.bindings.map((binding) =>
    binding.place.kind === "environment" ? { ...binding, grade: "exposed" as const } : binding,
  );
  return { ...service, bindings };
}

export type Place =
  | { readonly kind: "environment"; readonly name: string }
  /** An absolute path in the container. */
  | { readonly kind: "file"; readonly target: string };

/** Text and references in order; a lone reference is a template of one part. */
export type Template = readonly (string | Reference)[];

/** One file of the memory directory. */
export interface FileDelivery {
  /** Absolute, in the container. */
  readonly target: string;
  /** Below `/run/secrets`, and so in the directory bind; else it is a bind of its own. */
  readonly inDirectory: boolean;
  readonly content: FileContent;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** It is one of `configs:`, which everybody in the container may read unless it holds a secret. */
  readonly isConfig?: true;
}

/** Whether it is to have an owner or a mode of its own. */
export function setsOwnership({
  mode,
  uid,
  gid,
}: Pick<FileDelivery, "mode" | "uid" | "gid">): boolean {
  return mode !== undefined || uid !== undefined || gid !== undefined;
}

export type FileContent = { readonly kind: "template"; readonly template: Template } | HostContent;

/** What Compose takes from the host and we copy: not versioned by any provider. */
export type HostContent =
  /** `file:` of a service that gets any file from us, or that sets an owner or a mode. */
  | { readonly kind: "host-file"; readonly path: string }
  /** `secrets: { x: { environment: … } }`: the variable's name, never its value. */
  | { readonly kind: "host-variable"; readonly variable: string };

export const SECRETS_DIRECTORY = "/run/secrets";

/**
 * `/abs/path` or `$NAME`, as a key of `Versions`. No provider's name begins with
 * either sign, so no secret has such a name.
 */
export function hostContentName(content: HostContent): string {
  return content.kind === "host-file" ? encodePath(content.path) : `$${content.variable}`;
}

/** Whether a key of versions names what this host holds, and no secret of a provider. */
export function isHostContentName(name: string): boolean {
  return name.startsWith("/") || name.startsWith("$");
}

/** Names of all host contents that the service is given, sorted, each once. */
export function hostContentNames({ files }: DesiredService): readonly string[] {
  const names = files.flatMap(({ content }) =>
    content.kind === "template" ? [] : [hostContentName(content)],
  );
  return [...new Set(names)].sort();
}

/** All references of a template, in order. */
export function referencesOf(template: Template): readonly Reference[] {
  return template.filter((part) => typeof part !== "string");
}
