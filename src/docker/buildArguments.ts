/** A build of the compose file as arguments, environment and input of `docker build`. Pure. */
import { isAbsolute, join } from "node:path";
import { DsoError } from "../model/errors.ts";
import type { BuildRequest } from "../model/ports.ts";
import type { BuildModel } from "../model/project.ts";

export interface BuildCommand {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The Dockerfile, where it stands in the compose file. */
  readonly input: string | undefined;
}

/** What the classic builder cannot do. */
const BUILDKIT_ONLY = ["secrets", "ssh", "additional_contexts", "cache_to"] as const;

const CARRIED: ReadonlySet<string> = new Set([
  ...BUILDKIT_ONLY,
  ...["context", "dockerfile", "dockerfile_inline", "args", "target", "labels", "cache_from"],
  ...["no_cache", "pull", "network", "shm_size", "extra_hosts", "platforms", "tags"],
]);

/** The fields that need BuildKit, by name. */
export function buildkitFields(build: BuildModel): string[] {
  const fields: string[] = BUILDKIT_ONLY.filter((field) => sizeOf(build[field]) > 0);
  return (build.platforms?.length ?? 0) > 1 ? [...fields, "platforms"] : fields;
}

function sizeOf(value: unknown): number {
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}

/** Throws `compose-unsupported` for a field that would be dropped. */
export function buildCommand(
  request: BuildRequest,
  env: Readonly<Record<string, string | undefined>>,
  buildkit: boolean,
): BuildCommand {
  const { build } = request;
  refuseUnknown(build);
  const args = buildArguments(build, env);
  const secrets = secretArguments(request, env);
  const context = build.context ?? ".";
  const argv = [
    // The classic builder leaves the container of a step that failed, unless told not to.
    ...(buildkit ? ["buildx", "build", "--load", "--progress", "plain"] : ["build", "--force-rm"]),
    ...flag("--tag", [request.tag, ...(build.tags ?? [])]),
    ...dockerfileArguments(build, context),
    ...args.argv,
    ...secrets.argv,
    ...simpleArguments(request),
    "--",
    context,
  ];
  const environment = { ...args.environment, ...secrets.environment };
  return { argv, environment, input: build.dockerfile_inline };
}

function refuseUnknown(build: BuildModel): void {
  const unknown = Object.keys(build).filter(
    (key) => !CARRIED.has(key) && !key.startsWith("x-") && build[key] !== undefined,
  );
  if (unknown.length === 0) return;
  throw new DsoError("compose-unsupported", `build.${unknown.join(", build.")} is not supported`, {
    hint: "Build the image beforehand and name it with `image:`.",
  });
}

function dockerfileArguments(build: BuildModel, context: string): string[] {
  if (build.dockerfile_inline !== undefined) return ["--file", "-"];
  if (build.dockerfile === undefined) return [];
  const local = !isRemote(context) && !isAbsolute(build.dockerfile);
  return ["--file", local ? join(context, build.dockerfile) : build.dockerfile];
}

function isRemote(context: string): boolean {
  return /^(https?|git|ssh):\/\/|^git@|^github\.com\//.test(context);
}

/** Names that mean something to the child itself: there a compose file must not set them. */
const STEERING =
  /^(PATH|HOME|USER|TMPDIR|LD_.*|SSH_.*|XDG_.*|DOCKER_.*|BUILDKIT_.*|BUILDX_.*|GO[A-Z]+)$/;

/**
 * Values go through the child's environment, where other users cannot read
 * them. Not so the names that would steer `docker` itself (`LD_PRELOAD` would
 * run code): those few stand in the argument list, and hold no secret, because
 * a reference in a build argument is refused.
 */
function buildArguments(
  build: BuildModel,
  env: Readonly<Record<string, string | undefined>>,
): Omit<BuildCommand, "input"> {
  const argv: string[] = [];
  const environment: Record<string, string> = {};
  for (const [name, given] of Object.entries(build.args ?? {})) {
    const value = given ?? env[name];
    if (value === undefined) continue;
    if (!STEERING.test(name)) environment[name] = value;
    argv.push("--build-arg", STEERING.test(name) ? `${name}=${value}` : name);
  }
  return { argv, environment };
}

function secretArguments(
  { build, secrets }: BuildRequest,
  env: Readonly<Record<string, string | undefined>>,
): Omit<BuildCommand, "input"> {
  const argv: string[] = [];
  const environment: Record<string, string> = {};
  for (const { source, target } of build.secrets ?? []) {
    const id = target?.replace(/^\/run\/secrets\//, "") ?? source;
    const from = secrets?.get(source);
    if (from?.file !== undefined) {
      argv.push("--secret", secretSpec({ id, src: from.file }));
    } else if (from?.environment !== undefined && env[from.environment] !== undefined) {
      // Under a name of our own: the user's may be one that steers the child.
      const name = `DSO_BUILD_SECRET_${argv.length / 2}`;
      environment[name] = env[from.environment] ?? "";
      argv.push("--secret", secretSpec({ id, env: name }));
    } else {
      throw new DsoError(
        "build-failed",
        `build secret "${source}" has no file and no variable that is set`,
      );
    }
  }
  return { argv, environment };
}

/** Docker reads these as one line of CSV. */
function secretSpec(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${value}`)
    .map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(",");
}

function simpleArguments(request: BuildRequest): string[] {
  const { build } = request;
  const labels = { ...build.labels, ...request.labels };
  const platform = request.platform ?? build.platforms?.join(",");
  return [
    ...flag("--target", build.target),
    ...flag("--label", pairs(labels)),
    ...flag("--cache-from", build.cache_from),
    ...flag("--cache-to", build.cache_to),
    ...flag("--network", build.network),
    ...flag("--shm-size", build.shm_size),
    ...flag(
      "--add-host",
      build.extra_hosts?.map((host) => host.replace("=", ":")),
    ),
    ...flag("--platform", platform || undefined),
    ...flag("--ssh", build.ssh?.map(sshSpec)),
    ...flag("--build-context", pairs(build.additional_contexts ?? {})),
    ...((request.noCache ?? build.no_cache) ? ["--no-cache"] : []),
    ...((request.pull ?? build.pull) ? ["--pull"] : []),
  ];
}

function flag(name: string, values: string | readonly string[] | undefined): string[] {
  if (values === undefined) return [];
  return (typeof values === "string" ? [values] : values).flatMap((value) => [name, value]);
}

function pairs(record: Readonly<Record<string, string>>): string[] {
  return Object.entries(record).map(([key, value]) => `${key}=${value}`);
}

/** `default`, or `{ id, path }` in its canonical form. */
function sshSpec(entry: unknown): string {
  if (typeof entry === "string") return entry;
  const { id, path } = entry as { id: string; path?: string };
  return path ? `${id}=${path}` : id;
}
