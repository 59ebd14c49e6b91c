import type { SecretProvider } from "../../model/ports.ts";
import type { Settings } from "../../model/settings.ts";
import { type Opening, partAt, textAt } from "../opening.ts";
import type { Certificate, Engine } from "./engines.ts";
import { createLeasedProvider } from "./leased.ts";
import { serverOf } from "./open.ts";

/** An engine that issues credentials for a time. Rejects with `config-invalid` for what dso.yaml names and is not there. */
export async function openLeasedProvider(opening: Opening): Promise<SecretProvider> {
  const { name, settings, clock, leases } = opening;
  if (leases === undefined) throw new Error(`nobody keeps the leases of ${name}`);
  const engine = engineOf(settings);
  const server = serverOf(opening, engine.kind);
  return createLeasedProvider({ ...server, engine, clock, store: await leases() });
}

function engineOf(settings: Settings): Engine {
  if (textAt(settings, "engine") !== "pki") return { kind: "database" };
  const roles = partAt(settings, "roles");
  const names = Object.keys(roles);
  return { kind: "pki", roles: new Map(names.map((one) => [one, asked(partAt(roles, one))])) };
}

/** As the engine wants it: names in a list are one text. */
function asked(role: Settings): Certificate {
  const members = Object.entries(role).map(([key, value]): readonly [string, string] => [
    key,
    Array.isArray(value) ? value.join(",") : (value as string),
  ]);
  return Object.fromEntries(members);
}
