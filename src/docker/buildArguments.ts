/** A build of the compose file as arguments, environment and input of `docker build`. Pure. */
import { isAbsolute, join } from "node:path";
import { DsoError } from "../model/errors.ts";
import type { BuildRequest } from "../model/build.ts";
import type { BuildModel } from "../model/project.ts";
import { place, type BuilderKind } from "./buildFields.ts";
import { type Passed, secretArguments } from "./buildSecrets.ts";

export interface BuildCommand extends Passed {
  /** The Dockerfile, where it stands in the compose file. */
  readonly input: string | undefined;
}

/** As Compose marks the images that the classic builder made. */
const CLASSIC = { "com.docker.compose.image.builder": "classic" };

/** `kind` is what `chooseBuilder` says: it can do all that is asked for. */
export function buildCommand(
  request: BuildRequest,
  env: Readonly<Record<string, string | undefined>>,
  kind: BuilderKind,
): BuildCommand {
  const { build } = request;
  const args = buildArguments(build, env);
  const secrets = secretArguments(request, env);
  const context = build.context ?? ".";
  const buildkit = kind === "buildkit";
  const argv = [
    // The classic builder leaves the container of a step that failed, unless told not to.
    ...(buildkit ? ["buildx", "build", "--load", "--progress", "plain"] : ["build", "--force-rm"]),
    ...flag("--tag", [request.tag, ...(build.tags ?? [])]),
    ...dockerfileArguments(build, context),
    ...args.argv,
    ...secrets.argv,
    ...flag("--label", pairs({ ...build.labels, ...request.labels, ...(buildkit ? {} : CLASSIC) })),
    ...flag("--platform", platformOf(request, env)),
    ...commonArguments(build),
    ...(buildkit ? buildkitArguments(build) : flag("--isolation", build.isolation || undefined)),
    "--",
    context,
  ];
  const environment = { ...args.environment, ...secrets.environment };
  return { argv, environment, input: build.dockerfile_inline };
}

function dockerfileArguments(build: BuildModel, context: string): string[] {
  if (build.dockerfile_inline !== undefined) return ["--file", "-"];
  if (build.dockerfile === undefined) return [];
  const local = !isRemote(context) && !isAbsolute(build.dockerfile);
  return ["--file", local ? join(context, build.dockerfile) : build.dockerfile];
}

function isRemote(context: string): boolean {
  return /^(https?|git|ssh|oci):\/\/|^git@|^github\.com\//.test(context);
}

/**
 * Names that mean something to the child itself, or to the `git` and `ssh` that it starts: there a
 * compose file must not set them. Each by its full name where others like it hold secrets
 * (SSH_PRIVATE_KEY, DOCKER_PASSWORD, GIT_TOKEN, GOPROXY).
 */
const STEERING = new RegExp(
  `^(${[
    "PATH|HOME|USER|TMPDIR|LD_.*|XDG_.*|SSL_CERT_(FILE|DIR)",
    "SSH_(AUTH_SOCK|AGENT_PID|ASKPASS(_REQUIRE)?|SK_.*|PKCS11_.*)",
    "GIT_(SSH.*|EXEC_PATH|CONFIG.*|ASKPASS|PROXY_COMMAND|TEMPLATE_DIR|DIR|WORK_TREE|ALLOW_PROTOCOL|TRACE.*|SSL_.*)",
    "DOCKER_(API_VERSION|BUILDKIT|CERT_PATH|CLI_.*|CONFIG|CONTENT_TRUST.*|CONTEXT|CUSTOM_HEADERS|DEFAULT_PLATFORM|HOST|TLS.*)",
    "BUILDKIT_(HOST|COLORS|PROGRESS.*|TTY.*|NO_.*)|BUILDX_(?!BAKE_GIT_AUTH).*",
    "GO(DEBUG|GC|MEMLIMIT|MAXPROCS|TRACEBACK|COVERDIR|RACE)",
  ].join("|")})$`,
);

/**
 * Values go through the child's environment, where other users cannot read
 * them. Not so the names that would steer `docker` itself (`LD_PRELOAD` would
 * run code): those few stand in the argument list, and hold no secret, because
 * a reference in a build argument is refused.
 */
function buildArguments(
  build: BuildModel,
  env: Readonly<Record<string, string | undefined>>,
): Passed {
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

/**
 * An engine runs one platform: the service's, else the user's default, else the only one of the
 * build. Of several the builder takes its own, as with `docker compose up`.
 */
function platformOf(
  request: BuildRequest,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const platforms = request.build.platforms ?? [];
  const wanted = request.platform || env.DOCKER_DEFAULT_PLATFORM || undefined;
  if (wanted === undefined) return platforms.length === 1 ? platforms[0] : undefined;
  if (platforms.length === 0 || platforms.includes(wanted)) return wanted;
  const message = `${request.tag} cannot be built: build.platforms lacks the platform ${wanted}`;
  throw new DsoError("compose-invalid", message, {
    ...place(request, "platforms"),
    hint: "Add it, or take it out of platform: and DOCKER_DEFAULT_PLATFORM.",
  });
}

function commonArguments(build: BuildModel): string[] {
  return [
    ...flag("--target", build.target),
    ...flag("--cache-from", build.cache_from),
    ...flag("--network", build.network || undefined),
    ...flag("--shm-size", build.shm_size),
    ...flag("--ulimit", ulimits(build)),
    ...flag(
      "--add-host",
      build.extra_hosts?.map((host) => host.replace("=", ":")),
    ),
    ...(build.no_cache === true ? ["--no-cache"] : []),
    ...(build.pull === true ? ["--pull"] : []),
  ];
}

function buildkitArguments(build: BuildModel): string[] {
  const privileged = build.privileged === true ? ["security.insecure"] : [];
  return [
    ...flag("--cache-to", build.cache_to),
    ...flag("--no-cache-filter", build.no_cache_filter),
    ...flag("--allow", [...new Set([...(build.entitlements ?? []), ...privileged])]),
    ...flag("--provenance", build.provenance || undefined),
    ...flag("--sbom", build.sbom || undefined),
    ...flag("--ssh", build.ssh),
    ...flag("--build-context", pairs(build.additional_contexts ?? {})),
  ];
}

function ulimits({ ulimits: limits = {} }: BuildModel): string[] {
  return Object.entries(limits).map(([name, limit]) =>
    typeof limit === "number" ? `${name}=${limit}` : `${name}=${limit.soft}:${limit.hard}`,
  );
}

function flag(name: string, values: string | readonly string[] | undefined): string[] {
  if (values === undefined) return [];
  return (typeof values === "string" ? [values] : values).flatMap((value) => [name, value]);
}

function pairs(record: Readonly<Record<string, string>>): string[] {
  return Object.entries(record).map(([key, value]) => `${key}=${value}`);
}
