/** The proxies that Docker's configuration gives to every container. */
import type { EngineConnection } from "./connection.ts";
import { readConfig, recordOf } from "./dockerConfig.ts";

/** Each also in small letters. */
const VARIABLES = [
  ["HTTP_PROXY", "httpProxy"],
  ["HTTPS_PROXY", "httpsProxy"],
  ["NO_PROXY", "noProxy"],
  ["FTP_PROXY", "ftpProxy"],
  ["ALL_PROXY", "allProxy"],
] as const;

/**
 * Variables and their values, as Docker's own programs set them: of this engine, else those of all. A
 * value may hold a password. Rejects with `config-invalid` where the file cannot be read.
 */
export async function containerProxies({
  configDir,
  endpoint,
}: Pick<EngineConnection, "configDir" | "endpoint">): Promise<Readonly<Record<string, string>>> {
  const proxies = (await readConfig(configDir))?.proxies ?? {};
  const own = recordOf(proxies[Object.hasOwn(proxies, endpoint) ? endpoint : "default"]);
  return Object.fromEntries(
    VARIABLES.flatMap(([name, key]) => {
      const value = own[key];
      if (typeof value !== "string" || value === "") return [];
      return [name, name.toLowerCase()].map((variable) => [variable, value]);
    }),
  );
}
