import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { renderStatus, statusJson } from "../../src/cli/render/status.ts";
import { styleOf } from "../../src/cli/render/style.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { createProviders } from "../../src/providers/registry.ts";
import { providerStatus } from "../../src/reconciler/providerStatus.ts";
import { createFakeProvider } from "../fakes/provider.ts";
import { never } from "../reconciler/world.ts";

const CONFIG = `providers:
  ci: { type: env }
  away: { type: vault, addr: "https://v" }
  wrong: { type: file, path: x }
`;

/** Each as it is opened; the local vault must not be. */
const STORES: Readonly<Record<string, () => Promise<SecretProvider>>> = {
  local: () => Promise.reject(new Error("somebody opened the vault")),
  ci: () => Promise.resolve(createFakeProvider("ci", {})),
  away: () =>
    Promise.resolve({
      ...createFakeProvider("away", {}),
      check: () => {
        const error = new DsoError("provider-unreachable", "away at \u001b[2J", {
          hint: "Start it.",
        });
        return Promise.resolve({ ok: false, error });
      },
    }),
  wrong: () => Promise.reject(new DsoError("config-invalid", "wrong as it is")),
};

test("status tells of each store whether it answers, and asks for no secret", async () => {
  const config = await parseConfig(CONFIG, "/dso.yaml");
  const context = { config, providers: createProviders(new Map(Object.entries(STORES)), "local") };
  const providers = await providerStatus(context, never);
  const engine = { reachable: false, error: "gone" } as const;
  const at = "2026-01-01T00:00:00.000Z";
  const rest = { agent: undefined, leases: { held: [], faults: [] }, projects: [], rotations: [] };
  const status = { version: "4", at, engine, providers, ...rest };
  const text = renderStatus(status, styleOf({ write: () => true }, {}, false));
  expect(text).toMatch(/^ci +env +answers$/m);
  expect(text).toMatch(/^away +vault +away at .*\. Start it\.$/m);
  expect(text).toMatch(/^wrong +file +wrong as it is\.$/m);
  expect(text).not.toContain("\u001b");
  expect(statusJson(status)).toMatchObject({
    providers: [
      { name: "away", ok: false, error: { code: "provider-unreachable" } },
      { name: "ci", type: "env", ok: true },
      { name: "wrong", ok: false, error: { code: "config-invalid", message: "wrong as it is" } },
    ],
  });
});
