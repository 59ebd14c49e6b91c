/** Logins of registries, as Docker's own CLI finds them. */
import { DsoError } from "../model/errors.ts";
import { parseImageName } from "../model/imageName.ts";
import type { EngineConnection } from "./connection.ts";
import { askHelper, type Login } from "./credentialHelper.ts";
import { type DockerConfig, parseConfig, readConfig, recordOf } from "./dockerConfig.ts";

/** Docker Hub's key in Docker's configuration, for history's sake. */
const HUB = "https://index.docker.io/v1/";
/** The hosts that mean Docker Hub. */
const HUB_HOSTS = ["index.docker.io", "docker.io", "registry-1.docker.io"];

/**
 * The `X-Registry-Auth` header for pulling `reference`, from the logins that `docker login` left, in
 * DOCKER_AUTH_CONFIG first; undefined where there is none. It holds a password. Rejects with
 * `config-invalid` where a file or entry cannot be read, and with `engine-refused` where a
 * credential helper fails.
 */
export async function registryAuth(
  connection: EngineConnection,
  reference: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const registry = registryOf(reference);
  const login = await loginOf(connection, registry, signal);
  if (login === undefined) return undefined;
  const text = JSON.stringify({ ...login, serveraddress: registry });
  // The engine wants the padding, which Node's own base64url leaves out.
  return Buffer.from(text).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

async function loginOf(
  connection: EngineConnection,
  registry: string,
  signal: AbortSignal,
): Promise<Login | undefined> {
  const given = connection.authConfig?.();
  if (given !== undefined) {
    const login = storedLogin(parseConfig(given, "DOCKER_AUTH_CONFIG"), registry);
    if (login !== undefined) return login;
  }
  const config = await readConfig(connection.configDir);
  if (config === undefined) return undefined;
  const key = keyOf(config.credHelpers, registry);
  // An empty name says: not this registry, its login stands in the file.
  const helper = key === undefined ? config.credsStore : config.credHelpers[key];
  if (typeof helper !== "string" || helper === "") return storedLogin(config, registry);
  return askHelper(helper, registry, connection.helperEnv, signal);
}

function registryOf(reference: string): string {
  const { host } = parseImageName(reference);
  return host === undefined || HUB_HOSTS.includes(host) ? HUB : host;
}

/** The key as it stands there: the very registry, or the same host with a scheme or a path (`https://host/v2/`). */
function keyOf(entries: Readonly<Record<string, unknown>>, registry: string): string | undefined {
  if (Object.hasOwn(entries, registry)) return registry;
  const hosts = registry === HUB ? HUB_HOSTS : [registry];
  return Object.keys(entries).find((key) =>
    hosts.includes(key.replace(/^https?:\/\//, "").replace(/\/.*$/s, "")),
  );
}

function storedLogin({ auths, origin }: DockerConfig, registry: string): Login | undefined {
  const key = keyOf(auths, registry);
  if (key === undefined) return undefined;
  const entry = recordOf(auths[key]);
  const text = (name: string): string => {
    const value = entry[name];
    return typeof value === "string" ? value : "";
  };
  const [identitytoken, registrytoken] = [text("identitytoken"), text("registrytoken")];
  if (identitytoken !== "") return { identitytoken };
  if (registrytoken !== "") return { registrytoken };
  if (text("auth") !== "") return decodeLogin(text("auth"), key, origin);
  const [username, password] = [text("username"), text("password")];
  return username === "" ? undefined : { username, password };
}

function decodeLogin(auth: string, key: string, origin: string): Login {
  const decoded = Buffer.from(auth, "base64").toString();
  const colon = decoded.indexOf(":");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(auth) || colon < 1) {
    const message = `${origin}: the login of ${key} cannot be read`;
    throw new DsoError("config-invalid", message, { hint: `Run \`docker login ${key}\` again.` });
  }
  // Docker pads some with NUL bytes.
  const password = decoded.slice(colon + 1).replace(/\0+$/, "");
  return { username: decoded.slice(0, colon), password };
}
