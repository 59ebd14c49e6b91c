import { createSecureContext } from "node:tls";
import { DsoError } from "../model/errors.ts";
import type { TlsOptions } from "./http.ts";
import { fileAt, type Opening, partAt, textAt } from "./opening.ts";

/** What `tls:` of the provider names. Rejects with `config-invalid` where that is not there, or no PEM. */
export function tlsAt(opening: Opening): TlsOptions {
  const tls = partAt(opening.settings, "tls");
  const file = (key: string): Buffer | undefined => fileAt(opening, tls, key);
  const [ca, cert, key] = [file("ca_cert"), file("client_cert"), file("client_key")];
  const serverName = textAt(tls, "server_name");
  const own = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  try {
    createSecureContext(own);
  } catch (cause) {
    const message = `provider "${opening.name}": what tls: names is no certificate and key in PEM`;
    const hint = `Correct providers.${opening.name}.tls in dso.yaml.`;
    throw new DsoError("config-invalid", message, { hint, cause });
  }
  return {
    ...own,
    insecure: tls["insecure"] === true,
    ...(serverName === undefined ? {} : { serverName }),
  };
}
