import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { policyFaults } from "../../src/config/projectPolicy.ts";
import { parseReference } from "../../src/model/parseReference.ts";

const FILE = "/etc/dso/dso.yaml";
const at = { file: "compose.yaml", line: 4, column: 9 };
const known = { providers: new Set(["local", "vault"]), defaultProvider: "local" };

async function faults(projects: string, ...texts: readonly string[]): Promise<readonly string[]> {
  const config = await parseConfig(`projects: ${projects}`, FILE);
  const wanted = texts.map((text) => ({ reference: parseReference(text, known), position: at }));
  return policyFaults(config, "shop", wanted).map(
    ({ code, message, position }) => `${code} ${position?.line ?? "?"}: ${message}`,
  );
}

describe("secrets.allow", () => {
  it("lets the secrets through that one of its patterns names", async () => {
    const allow = '{ shop: { secrets: { allow: ["local:shop/*", "vault:*/token"] } } }';
    expect(await faults(allow, "dso://shop/db#password", "dsofile://vault:a/b/token")).toEqual([]);
  });

  it("refuses every other one, at its place", async () => {
    const allow = '{ shop: { secrets: { allow: ["local:shop/*", "local:a.b"] } } }';
    expect(await faults(allow, "dso://shopping", "dso://vault:shop/db", "dso://axb")).toEqual([
      "policy-refused 4: project shop may not have the secret local:shopping",
      "policy-refused 4: project shop may not have the secret vault:shop/db",
      "policy-refused 4: project shop may not have the secret local:axb",
    ]);
    expect(await faults("{ shop: { secrets: { allow: [] } } }", "dso://a")).toHaveLength(1);
  });

  it("says nothing of other projects, and nothing where it is not written", async () => {
    expect(await faults("{ mall: { secrets: { allow: [] } } }", "dso://a")).toEqual([]);
    expect(await faults("{ shop: { policy: { apply: none } } }", "dso://a")).toEqual([]);
  });
});

it("policy.deny, which nothing checks yet, lets nothing be deployed", async () => {
  expect(await faults("{ shop: { policy: { deny: [privileged] } } }")).toEqual([
    "not-in-release 1: projects.shop.policy.deny is not in this release",
  ]);
  expect(await faults("{ shop: { policy: { deny: [] } } }")).toEqual([]);
});
