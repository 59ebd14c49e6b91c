import { join } from "node:path";
import { readStoredFile } from "../lib/namedFile.ts";
import { DsoError } from "../model/errors.ts";

/** How the engine is reached, as plain data. No file of `tls` has been read yet. */
export interface EngineConnection {
  /** For people and for state, e.g. `unix:///var/run/docker.sock`; never holds a password. */
  readonly endpoint: string;
  readonly route: Route;
  /** The route cannot leave this host. Whether the engine's host is this host, only the engine's answer tells. */
  readonly loopback: boolean;
  /** Docker's own configuration directory, where registry logins are. */
  readonly configDir: string;
  /** The user fixed the API version by DOCKER_API_VERSION. */
  readonly apiVersion: string | undefined;
  /** Logins of registries that the environment holds, as JSON; a function, so that nothing prints them. */
  readonly authConfig?: () => string;
  /** All that programs started for it (ssh) get of the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The same for credential helpers, some of which ask a cloud. */
  readonly helperEnv: Readonly<Record<string, string>>;
}

export type Route =
  | { readonly kind: "unix"; readonly path: string }
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      readonly prefix: string;
      readonly tls: TlsFiles | undefined;
    }
  | {
      readonly kind: "ssh";
      readonly host: string;
      readonly user: string | undefined;
      readonly port: string | undefined;
      /** The socket on the far side; undefined: that side's default. */
      readonly socket: string | undefined;
    };

/** A directory with `ca.pem`, `cert.pem` and `key.pem`, each of them optional. */
export interface TlsFiles {
  readonly directory: string;
  readonly verify: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_HOST = "unix:///var/run/docker.sock";

/** Finds the engine as Docker's own CLI does: DOCKER_HOST, DOCKER_CONTEXT, the current context, the default socket. */
export async function resolveConnection(env: Environment): Promise<EngineConnection> {
  const configDir = env.DOCKER_CONFIG || join(env.HOME || "/root", ".docker");
  const { host, tls } = await findHost(env, configDir);
  const route = parseHost(host, tls);
  const logins = env.DOCKER_AUTH_CONFIG;
  return {
    ...(logins ? { authConfig: () => logins } : {}),
    endpoint: describe(route),
    route,
    loopback: isLoopback(route),
    configDir,
    apiVersion: env.DOCKER_API_VERSION || undefined,
    env: allowed(env, PASSED_ON),
    helperEnv: allowed(env, FOR_HELPERS),
  };
}

/** What a child `docker` needs in its environment to reach the same engine. */
export function childEnvironment(connection: EngineConnection): Record<string, string> {
  const { route } = connection;
  const tls = route.kind === "tcp" ? route.tls : undefined;
  if (tls === undefined) return { DOCKER_HOST: connection.endpoint };
  return {
    DOCKER_HOST: connection.endpoint,
    DOCKER_CERT_PATH: tls.directory,
    ...(tls.verify ? { DOCKER_TLS_VERIFY: "1" } : { DOCKER_TLS: "1" }),
  };
}

const PASSED_ON = /^(PATH|HOME|USER|SSH_AUTH_SOCK|XDG_RUNTIME_DIR|DBUS_SESSION_BUS_ADDRESS)$/;
/** Keyrings, and the clouds whose registries have helpers. */
const FOR_HELPERS =
  /^(PATH|HOME|USER|XDG_.*|DBUS_SESSION_BUS_ADDRESS|(WAYLAND_)?DISPLAY|GPG_.*|GNUPGHOME|PASSWORD_STORE_.*|DOCKER_CONFIG|AWS_.*|AZURE_.*|ACR_.*|GOOGLE_.*|CLOUDSDK_.*|(HTTPS?|NO|ALL)_PROXY)$/i;

function allowed(env: Environment, names: RegExp): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && names.test(name) ? [[name, value]] : [],
    ),
  );
}

interface Found {
  readonly host: string;
  readonly tls: TlsFiles | undefined;
}

async function findHost(env: Environment, configDir: string): Promise<Found> {
  if (env.DOCKER_HOST) return { host: env.DOCKER_HOST, tls: environmentTls(env, configDir) };
  const context = env.DOCKER_CONTEXT || (await currentContext(configDir));
  if (context !== undefined && context !== "default") return readContext(context, configDir);
  return { host: DEFAULT_HOST, tls: undefined };
}

function environmentTls(env: Environment, configDir: string): TlsFiles | undefined {
  if (!env.DOCKER_TLS_VERIFY && !env.DOCKER_TLS) return undefined;
  return { directory: env.DOCKER_CERT_PATH || configDir, verify: Boolean(env.DOCKER_TLS_VERIFY) };
}

async function currentContext(configDir: string): Promise<string | undefined> {
  const file = join(configDir, "config.json");
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const config = parseObject(text, file);
  return typeof config.currentContext === "string" && config.currentContext !== ""
    ? config.currentContext
    : undefined;
}

async function readContext(name: string, configDir: string): Promise<Found> {
  const { createHash } = await import("node:crypto");
  const id = createHash("sha256").update(name).digest("hex");
  const file = join(configDir, "contexts", "meta", id, "meta.json");
  const text = readIfThere(file);
  if (text === undefined) {
    throw new DsoError("engine-unreachable", `Docker context "${name}" does not exist`, {
      hint: "`docker context ls` lists those that do; DOCKER_CONTEXT or `docker context use` chooses one.",
    });
  }
  const endpoint = dockerEndpoint(parseObject(text, file));
  if (endpoint === undefined) {
    throw new DsoError("engine-unreachable", `${file}: context "${name}" names no Docker endpoint`);
  }
  const directory = join(configDir, "contexts", "tls", id, "docker");
  const tls = endpoint.host.startsWith("tcp:") && hasTls(directory);
  return { host: endpoint.host, tls: tls ? { directory, verify: endpoint.verify } : undefined };
}

function dockerEndpoint(
  meta: Record<string, unknown>,
): { host: string; verify: boolean } | undefined {
  const { Endpoints: endpoints } = meta;
  if (!isObject(endpoints) || !isObject(endpoints.docker)) return undefined;
  const { Host: host, SkipTLSVerify: skip } = endpoints.docker;
  return typeof host === "string" && host !== "" ? { host, verify: skip !== true } : undefined;
}

function hasTls(directory: string): boolean {
  return ["ca.pem", "cert.pem"].some((name) => readIfThere(join(directory, name)) !== undefined);
}

function parseHost(host: string, tls: TlsFiles | undefined): Route {
  if (host.startsWith("unix://")) {
    return { kind: "unix", path: host.slice("unix://".length) || "/var/run/docker.sock" };
  }
  const url = URL.parse(host.includes("://") ? host : `tcp://${host}`);
  const secure = tls !== undefined || url?.protocol === "https:";
  switch (url?.protocol) {
    case "tcp:":
    case "http:":
    case "https:":
      return {
        kind: "tcp",
        host: url.hostname.replace(/^\[(.*)\]$/, "$1") || "127.0.0.1",
        port: Number(url.port || (secure ? 2376 : 2375)),
        prefix: url.pathname === "/" ? "" : url.pathname.replace(/\/$/, ""),
        tls: tls ?? (secure ? { directory: "", verify: true } : undefined),
      };
    case "ssh:":
      return {
        kind: "ssh",
        host: url.hostname,
        user: url.username || undefined,
        port: url.port || undefined,
        socket: url.pathname === "" || url.pathname === "/" ? undefined : url.pathname,
      };
    default:
      throw new DsoError("usage", `"${host}" is no address of a Docker engine`, {
        hint: "DOCKER_HOST looks like unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host.",
      });
  }
}

function describe(route: Route): string {
  switch (route.kind) {
    case "unix":
      return `unix://${route.path}`;
    case "tcp":
      return `tcp://${route.host.includes(":") ? `[${route.host}]` : route.host}:${route.port}${route.prefix}`;
    case "ssh": {
      const user = route.user === undefined ? "" : `${route.user}@`;
      const port = route.port === undefined ? "" : `:${route.port}`;
      return `ssh://${user}${route.host}${port}${route.socket ?? ""}`;
    }
  }
}

function isLoopback(route: Route): boolean {
  if (route.kind === "unix") return true;
  return route.kind === "tcp" && /^(localhost|127(\.\d+){3}|::1)$/.test(route.host);
}

function readIfThere(file: string): string | undefined {
  try {
    return readStoredFile(file).toString("utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new DsoError("engine-unreachable", `${file} cannot be read (${String(code)})`, {
      hint: "It says which Docker engine to use; make it readable or set DOCKER_HOST.",
      cause: error,
    });
  }
}

function parseObject(text: string, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // The cause would quote the file, and the file may hold passwords.
    throw new DsoError("config-invalid", `${file} is no JSON`);
  }
  throw new DsoError("config-invalid", `${file} holds no JSON object`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
