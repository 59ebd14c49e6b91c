/** Which of Docker's two builders can do what a build asks for. Pure. */
import { DsoError, type Position } from "../model/errors.ts";
import type { BuildRequest } from "../model/build.ts";
import type { BuildModel } from "../model/project.ts";

export type BuilderKind = "buildkit" | "classic";

/** Fields that only one of the builders knows, and whether a value of it needs that one. */
const NEEDS: Readonly<Record<BuilderKind, Readonly<Record<string, (value: unknown) => boolean>>>> =
  {
    buildkit: {
      additional_contexts: isFilled,
      cache_to: isFilled,
      entitlements: isFilled,
      no_cache_filter: isFilled,
      privileged: (value) => value === true,
      provenance: (value) => value !== "false" && value !== "",
      sbom: (value) => value !== "false" && value !== "",
      secrets: isFilled,
      ssh: isFilled,
    },
    classic: {
      isolation: (value) => value !== "default" && value !== "",
      // BuildKit joins no network that was made by name.
      network: (value) => !["", "default", "none", "host"].includes(String(value)),
    },
  };

/** What both can do. */
const COMMON = [
  ...["args", "cache_from", "context", "dockerfile", "dockerfile_inline", "extra_hosts", "labels"],
  ...["no_cache", "platforms", "pull", "shm_size", "tags", "target", "ulimits"],
];

const KNOWN: ReadonlySet<string> = new Set([
  ...COMMON,
  ...Object.values(NEEDS).flatMap((fields) => Object.keys(fields)),
]);

function isFilled(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/**
 * BuildKit where it is at hand and can do it, else the classic builder. Throws
 * `compose-unsupported` for a field that neither carries and for two that exclude each other, and
 * `build-failed` where BuildKit is needed and is not here.
 */
export function chooseBuilder(request: BuildRequest, buildkitIsHere: boolean): BuilderKind {
  const { build, tag } = request;
  const unknown = Object.keys(build).filter(
    (key) => !KNOWN.has(key) && !key.startsWith("x-") && build[key] !== undefined,
  );
  if (unknown[0] !== undefined) {
    throw refusal(request, unknown[0], `${named(unknown)} is not supported`, {
      hint: "Build the image beforehand and name it with `image:`.",
    });
  }
  const buildkit = neededBy(build, "buildkit");
  const classic = neededBy(build, "classic");
  if (classic[0] !== undefined && buildkit[0] !== undefined) {
    const what = `${named(classic)} needs the classic builder, and ${named(buildkit)} needs BuildKit`;
    throw refusal(request, classic[0], `${tag} cannot be built: ${what}`, {
      hint: "Take one of them out.",
    });
  }
  if (classic.length > 0) return "classic";
  if (buildkitIsHere) return "buildkit";
  if (buildkit[0] === undefined) return "classic";
  const message = `${tag} cannot be built: ${named(buildkit)} needs BuildKit`;
  throw new DsoError("build-failed", message, {
    hint: NO_BUILDKIT,
    ...place(request, buildkit[0]),
  });
}

export const NO_BUILDKIT =
  "Install Docker's buildx plugin (package docker-buildx or docker-buildx-plugin), and do not set DOCKER_BUILDKIT=0.";

function neededBy(build: BuildModel, kind: BuilderKind): string[] {
  return Object.entries(NEEDS[kind]).flatMap(([field, needs]) =>
    build[field] !== undefined && build[field] !== null && needs(build[field]) ? [field] : [],
  );
}

function named(fields: readonly string[]): string {
  return fields.map((field) => `build.${field}`).join(", ");
}

/** Where the field stands, as the detail of an error. */
export function place(request: BuildRequest, field: string): { readonly position?: Position } {
  const position = request.positionOf?.(field);
  return position === undefined ? {} : { position };
}

function refusal(
  request: BuildRequest,
  field: string,
  message: string,
  detail: { readonly hint: string },
): DsoError {
  return new DsoError("compose-unsupported", message, { ...detail, ...place(request, field) });
}
