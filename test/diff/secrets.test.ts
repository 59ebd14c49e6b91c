import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { DSO } from "../../src/model/labels.ts";
import { options, project } from "./build.ts";
import { applied, change, madeByCompose } from "./engine.ts";
import { reasons, SHOP, text, web } from "./shop.ts";

describe("a change of secrets", () => {
  it("replaces who uses the value, and nobody else", () => {
    const before = project(SHOP);
    const after = project({ ...SHOP, versions: { "vault:db": "8" } });
    const plan = diff(after, applied(before), options());
    expect(text(plan)).toBe(`
      #1 container.web[1] replace-container (secret_rotated: vault:db#password)`);
    expect(plan.changes[0]?.attributes).toMatchObject([
      {
        path: "environment.PASSWORD",
        before: "dso://vault:db#password @7",
        after: "dso://vault:db#password @8",
        shown: "secret",
      },
    ]);
    expect(plan.changes[0]?.deliveries).toEqual([
      {
        place: "environment.PASSWORD",
        value: "vault:db#password",
        from: "7",
        to: "8",
        grade: "exposed",
      },
    ]);
  });

  it("believes the manifest of the generation more than the label", () => {
    const desired = project({ ...SHOP, versions: { "vault:db": "8" } });
    const observed = applied(project(SHOP));
    const labels = { ...observed.containers[1]!.labels, [DSO.generation]: "g1" };
    const delivered = new Map([["g1", new Map([["vault:db#password", "8"]])]]);
    const refreshed = { ...change(observed, { "shop-web-1": { labels } }), delivered };
    expect(diff(desired, refreshed, options()).operations).toEqual([]);
  });

  it("sees another reference, another text around it and another pinned version of a file", () => {
    const withFile = (text: string): ReturnType<typeof project> =>
      project({
        services: { web: { model: { image: "web:1" }, files: { "/run/secrets/x": text } } },
        versions: { "vault:db": "7", "vault:api": "1" },
      });
    const before = applied(withFile("user={{dso://vault:db#user}}"));
    const codes = (text: string): readonly string[] | undefined =>
      reasons(diff(withFile(text), before, options()))["container.web[1]"];
    expect(codes("user={{dso://vault:db#user}}")).toBeUndefined();
    expect(codes("user: {{dso://vault:db#user}}")).toEqual(["config_content_changed"]);
    expect(codes("user={{dso://vault:api#user}}")).toContain("config_content_changed");
    expect(codes("dso://vault:db#user")).toEqual(["reference_changed"]);
    expect(codes("user={{dso://vault:db?version=5#user}}")).toContain("secret_rotated");
  });

  it("follows the name that a version is pinned by", () => {
    const at = (version: string): ReturnType<typeof project> =>
      project({
        services: {
          web: {
            model: { image: "web:1" },
            files: { "/run/secrets/x": "dso://vault:db?version=before#user" },
          },
        },
        versions: { "vault:db@before": version },
      });
    expect(diff(at("1"), applied(at("1")), options()).operations).toEqual([]);
    expect(reasons(diff(at("2"), applied(at("1")), options()))["container.web[1]"]).toEqual([
      "secret_rotated",
    ]);
  });

  it("gives a container that Compose made its secrets", () => {
    const desired = project(SHOP);
    const observed = applied(desired);
    const made = madeByCompose(observed.containers.find(({ name }) => name === "shop-web-1")!);
    const plan = diff(desired, change(observed, { "shop-web-1": made }), options());
    expect(text(plan)).toBe(`
      #1 container.web[1] replace-container (secret_delivery: it was made without its secrets)`);
  });

  it("leaves values alone whose provider has no versions, with a warning", () => {
    const desired = project({ ...SHOP, versions: {}, unversioned: ["vault:db"] });
    const plan = diff(desired, applied(project(SHOP)), options());
    expect(plan.operations).toEqual([]);
    expect(plan.warnings.map(({ code }) => code)).toEqual(["exposed", "unversioned"]);
  });

  it("says whose values it has read, because fingerprints of them stand in for versions", () => {
    const desired = project({ ...SHOP, versions: { "vault:db": "f00" } });
    const byValue = { ...desired, byValue: new Set(["vault"]) };
    const { warnings } = diff(byValue, applied(desired), options());
    expect(warnings.filter(({ code }) => code === "by-value")).toMatchObject([
      { message: expect.stringMatching(/vault:db.*has read what service "web" gets/) as unknown },
    ]);
  });

  it("only reports where the strategy is to leave it to people", () => {
    const input = (version: string): ReturnType<typeof project> =>
      project({
        services: {
          web: {
            model: { image: "web:1", environment: web.environment! },
            policy: { strategy: "none" },
          },
        },
        versions: { "vault:db": version },
      });
    const plan = diff(input("8"), applied(input("7")), options());
    expect(plan.operations).toEqual([]);
    expect(plan.changes.map(({ method }) => method)).toEqual(["none"]);
    expect(plan.warnings.map(({ code }) => code)).toContain("strategy-none");
    const asked = diff(input("8"), applied(input("7")), options({ replace: ["service.web"] }));
    expect(asked.operations).toHaveLength(1);
  });

  it("does not run a finished job once more for a newer value", () => {
    const input = (version: string): ReturnType<typeof project> =>
      project({
        services: { job: { image: "web:1", environment: web.environment! } },
        versions: { "vault:db": version },
      });
    const observed = change(applied(input("7")), {
      "shop-job-1": { state: "exited", exitCode: 0 },
    });
    expect(diff(input("8"), observed, options()).operations).toEqual([]);
  });
});
