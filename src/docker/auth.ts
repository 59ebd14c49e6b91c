import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { DsoError } from "../model/errors.ts";
import type { EngineConnection } from "./connection.ts";

/** Docker Hub's key in Docker's configuration, for history's sake. */
const HUB = "https://index.docker.io/v1/";

interface DockerConfig {
  readonly auths?: Readonly<
    Record<string, { readonly auth?: string; readonly identitytoken?: string }>
  >;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

/**
 * The `X-Registry-Auth` header for pulling `reference`, from the logins that
 * `docker login` left; undefined where there is none. It holds a password.
 */
export async function registryAuth(
  connection: EngineConnection,
  reference: string,
): Promise<string | undefined> {
  const config = await readConfig(connection.configDir);
  if (config === undefined) return undefined;
  const registry = registryOf(reference);
  const helper = config.credHelpers?.[registry] ?? config.credsStore;
  const login =
    helper === undefined
      ? storedLogin(config, registry)
      : await askHelper(connection, helper, registry);
  if (login === undefined) return undefined;
  return Buffer.from(JSON.stringify({ ...login, serveraddress: registry })).toString("base64url");
}

/** `ghcr.io/a/b:1` is at ghcr.io; a first part without dot or colon is no host. */
function registryOf(reference: string): string {
  const first = reference.includes("/") ? (reference.split("/")[0] ?? "") : "";
  const isHost = /[.:]/.test(first) || first === "localhost";
  return !isHost || first === "docker.io" || first === "index.docker.io" ? HUB : first;
}

async function readConfig(configDir: string): Promise<DockerConfig | undefined> {
  const file = join(configDir, "config.json");
  try {
    return JSON.parse(await readFile(file, "utf8")) as DockerConfig;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    // The cause would quote the file, and the file may hold passwords.
    throw new DsoError("config-invalid", `${file} cannot be read as JSON`);
  }
}

function storedLogin(config: DockerConfig, registry: string): Record<string, string> | undefined {
  const entry = config.auths?.[registry] ?? config.auths?.[`https://${registry}`];
  if (entry?.identitytoken) return { identitytoken: entry.identitytoken };
  if (!entry?.auth) return undefined;
  const [username = "", ...password] = Buffer.from(entry.auth, "base64").toString().split(":");
  return { username, password: password.join(":") };
}

async function askHelper(
  connection: EngineConnection,
  helper: string,
  registry: string,
): Promise<Record<string, string> | undefined> {
  const program = `docker-credential-${helper}`;
  const asked = promisify(execFile)(program, ["get"], { env: connection.env, timeout: 30_000 });
  // A helper that is missing or dies at once also closes its input; its exit tells more.
  asked.child.stdin?.on("error", () => undefined);
  asked.child.stdin?.end(registry);
  try {
    const { Username, Secret } = JSON.parse((await asked).stdout) as Record<string, string>;
    if (Username === undefined || Secret === undefined) return undefined;
    return Username === "<token>"
      ? { identitytoken: Secret }
      : { username: Username, password: Secret };
  } catch (error) {
    const said = error instanceof Error && "stdout" in error ? String(error.stdout) : "";
    if (said.includes("credentials not found")) return undefined;
    // Not the cause: what a helper prints may be a password.
    throw new DsoError("engine-refused", `${program} gave no login for ${registry}`, {
      hint: "Run `docker login` again, or take the helper out of Docker's config.json.",
    });
  }
}
