/** The engines that issue credentials for a time: what is asked of them, and what they answer. */
import { DsoError } from "../../model/errors.ts";
import { Secret } from "../../model/secret.ts";
import {
  field,
  type Json,
  numberField,
  textField,
  urlPath,
  type VaultAnswer,
  type VaultCall,
} from "./api.ts";

export interface Issuing {
  readonly provider: string;
  /** As dso.yaml has it. */
  readonly mount: string;
  readonly engine: Engine;
}

export type Engine =
  | { readonly kind: "database" }
  /** By role, what a certificate is asked for with. */
  | { readonly kind: "pki"; readonly roles: ReadonlyMap<string, Certificate> };

/** Members of the request, as the engine's API names them. */
export type Certificate = Readonly<Record<string, string>>;

export interface Issued {
  /** Empty where the engine keeps none, and so there is nothing to give back. */
  readonly leaseId: string;
  /** How long it is good for, ms. */
  readonly ms: number;
  readonly renewable: boolean;
  readonly values: ReadonlyMap<string, Secret>;
}

/** Why there can be no such secret; undefined where the engine has to be asked. */
export function faultOfPath({ provider, engine }: Issuing, path: string): DsoError | undefined {
  const name = `secret "${provider}:${path}"`;
  if (engine.kind === "pki" && !engine.roles.has(path)) {
    return new DsoError("secret-missing", `${name}: no certificate of that name is described`, {
      hint: `Describe it under providers.${provider}.roles, with its common_name.`,
    });
  }
  if (!path.includes("/")) return undefined;
  return new DsoError("secret-missing", `${name}: no role has a name with a slash in it`, {
    hint: path.startsWith("static/")
      ? "Static roles have no leases, and are not read: use the engine's own roles."
      : `A reference names the role alone: dso://${provider}:role#password.`,
  });
}

export function issuing({ mount, engine }: Issuing, path: string): VaultCall {
  const at = urlPath(mount);
  if (engine.kind === "database") {
    return { method: "GET", path: `${at}/creds/${encodeURIComponent(path)}` };
  }
  return {
    ...{ method: "POST", path: `${at}/issue/${encodeURIComponent(path)}` },
    body: engine.roles.get(path) ?? {},
  };
}

/** Rejects with what the server says is wrong: then nothing was issued. */
export function issuedBy(issuer: Issuing, path: string, answer: VaultAnswer): Issued {
  if (answer.status !== 200) throw refusal(issuer, path, answer);
  const { body, at } = answer;
  const data = field(body, "data");
  const until = issuer.engine.kind === "pki" ? numberField(data, "expiration") : undefined;
  const seconds = numberField(body, "lease_duration") ?? 0;
  const ms = until === undefined ? seconds * 1000 : until * 1000 - at;
  if (ms <= 0) throw endless(issuer, path);
  return {
    leaseId: textField(body, "lease_id") ?? "",
    ...{ ms, renewable: field(body, "renewable") === true, values: valuesIn(data) },
  };
}

/** A list is a chain of certificates: one text, as programs read it. */
function valuesIn(data: Json | undefined): ReadonlyMap<string, Secret> {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return new Map();
  const entries = Object.entries(data as { readonly [key: string]: Json });
  return new Map(entries.map(([key, value]) => [key, new Secret(Buffer.from(asText(value)))]));
}

function asText(value: Json): string {
  if (value === null) return "";
  if (Array.isArray(value)) return value.map(asText).join("\n");
  return typeof value === "string" ? value : JSON.stringify(value);
}

function refusal(issuer: Issuing, path: string, { errors, status }: VaultAnswer): DsoError {
  const { provider, mount, engine } = issuer;
  const said = errors.join("; ");
  const name = `secret "${provider}:${path}"`;
  if (status === 403) {
    const needed = decodeURIComponent(issuing(issuer, path).path);
    const right = engine.kind === "pki" ? "update" : "read";
    return new DsoError(
      "secret-denied",
      `the token of provider "${provider}" may not get "${path}"`,
      {
        hint: `Its policy needs: path "${needed}" { capabilities = ["${right}"] }`,
      },
    );
  }
  if (/no handler for route|namespace not found/.test(said)) {
    return new DsoError("config-invalid", `provider "${provider}": ${said}`, {
      hint: `Correct addr, namespace or mount_path ("${mount}") of providers.${provider}.`,
    });
  }
  if (/unknown role/.test(said)) {
    return new DsoError("secret-missing", `${name}: the engine has no role "${path}"`, {
      hint: `Make it (${mount}/roles/${path}), or correct the reference.`,
    });
  }
  return new DsoError("secret-denied", `${name} is refused: ${said || `status ${status}`}`, {
    hint: `Look at the role (${mount}/roles/${path}) and at what dso.yaml asks of it.`,
  });
}

function endless({ provider, mount }: Issuing, path: string): DsoError {
  return new DsoError("secret-denied", `secret "${provider}:${path}" came without an end`, {
    hint: `Look whether ${mount} is an engine that issues credentials for a time.`,
  });
}
