import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { currentValues } from "../../src/diff/currentValues.ts";
import { diff } from "../../src/diff/diff.ts";
import { planJson } from "../../src/diff/json.ts";
import { resourceOf, streamMessages } from "../../src/diff/stream.ts";
import { options, project, type ProjectInput } from "./build.ts";
import { applied } from "./engine.ts";

const CONFORMANCE =
  process.env["DSO_CONFORMANCE"] ?? join(import.meta.dirname, "../../../shared/conformance");

const META = { createdAt: "2026-01-01T00:00:00Z", dsoVersion: "4.0.0" };

const STAYING: ProjectInput["services"] = {
  web: { image: "web:1", environment: { LOG: "info", P: "dso://vault:db#password" } },
  same: { image: "same:1" },
};
const before = project({
  services: { ...STAYING, old: { image: "web:1" } },
  versions: { "vault:db": "7" },
});
const after = project({
  services: { ...STAYING, new: { image: "web:1" } },
  versions: { "vault:db": "8" },
});
const plan = diff(after, applied(before), options());

/** Every key at every depth, with list indices left out: the shape of a document. */
function keys(value: unknown, path = ""): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => keys(item, `${path}[]`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [
    `${path}.${key}`,
    ...keys(item, `${path}.${key}`),
  ]);
}

describe("a plan for programs that read Terraform's", () => {
  const json = planJson(plan, { ...META, values: currentValues(after, applied(before), plan) });

  it("has every key that Terraform's own has, apart from variables and values", () => {
    const theirs = JSON.parse(
      readFileSync(join(CONFORMANCE, "terraform/show.json"), "utf8"),
    ) as unknown;
    const depth =
      /\.(values|sensitive_values|before|after|after_unknown|expressions|before_sensitive|after_sensitive)\./;
    const wanted = keys(theirs).filter(
      (key) => !depth.test(key.replace(".prior_state.values.", ".prior_state.")),
    );
    const ours = new Set(keys(json));
    const missing = [...new Set(wanted)].filter(
      (key) => !ours.has(key) && !/variables|provider_config\.terraform/.test(key),
    );
    expect(missing).toEqual([]);
  });

  it("lists what is done and what stays", () => {
    const changes = json["resource_changes"] as readonly {
      readonly address: string;
      readonly change: { readonly actions: readonly string[] };
    }[];
    expect(changes.map(({ address, change }) => [address, ...change.actions])).toEqual([
      ["container.new[1]", "create"],
      ["container.web[1]", "create", "delete"],
      ["container.old[1]", "delete"],
      ["container.same[1]", "no-op"],
      ["network.default", "no-op"],
    ]);
  });

  it("marks references as sensitive and shows their versions", () => {
    expect(json["resource_changes"]).toContainEqual(
      expect.objectContaining({
        address: "container.web[1]",
        type: "container",
        name: "web",
        index: 1,
        action_reason: "replace_because_cannot_update",
        change: expect.objectContaining({
          after: expect.objectContaining({
            environment: { LOG: "info", P: "dso://vault:db#password @8" },
          }) as unknown,
          after_sensitive: { environment: { P: true } },
          replace_paths: [["environment", "P"]],
        }) as unknown,
      }),
    );
  });

  it("knows what stays as it is", () => {
    const resources = (
      json["planned_values"] as {
        readonly root_module: { readonly resources: readonly { readonly address: string }[] };
      }
    ).root_module.resources;
    expect(resources).toContainEqual(
      expect.objectContaining({
        address: "container.same[1]",
        values: expect.objectContaining({ image: "same:1", state: "running" }) as unknown,
      }),
    );
  });

  it("has the messages of Terraform's stream", () => {
    const theirs = readFileSync(join(CONFORMANCE, "terraform/plan-stream.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly type: string });
    const ours = streamMessages(plan);
    for (const type of ["planned_change", "change_summary"]) {
      const sample = theirs.find((message) => message.type === type);
      const message = ours.find((one) => one.type === type);
      const known = new Set(keys(message));
      const missing = keys(sample).filter(
        (key) => !known.has(key) && !["@module", "@timestamp"].includes(key.slice(1)),
      );
      expect([type, missing.filter((key) => key !== ".change.reason")]).toEqual([type, []]);
    }
    expect(ours.map(({ "@message": message }) => message)).toEqual([
      "container.new[1]: Plan to create",
      "container.web[1]: Plan to replace",
      "container.old[1]: Plan to delete",
      "Plan: 2 to add, 0 to change, 2 to destroy.",
    ]);
  });

  it("takes an address apart", () => {
    expect(resourceOf("container.my.web[2]")).toEqual({
      addr: "container.my.web[2]",
      module: "",
      resource: "container.my.web[2]",
      implied_provider: "dso",
      resource_type: "container",
      resource_name: "my.web",
      resource_key: 2,
    });
    expect(resourceOf("network.default").resource_key).toBeNull();
  });
});
