import { redact } from "./credentials.ts";
import type { Config } from "./types.ts";

/** The configuration in effect as YAML, defaults filled in, every credential as `[redacted]`. */
export async function showConfig(config: Config): Promise<string> {
  const { stringify } = await import("yaml");
  const from = config.file ?? "no file: all of it is default";
  return `# ${from}\n${stringify(redact(config.document), { lineWidth: 0 })}`;
}
