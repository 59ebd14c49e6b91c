import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { renderPlan } from "../../src/diff/render.ts";
import { DSO } from "../../src/model/labels.ts";
import type { Desired } from "../../src/model/desired.ts";
import { options, project } from "./build.ts";
import { applied, change } from "./engine.ts";
import { reasons, text } from "./shop.ts";

const BEFORE = { "vault:db": "7", "/srv/cert.pem": "f1", $TOKEN: "f2" };

function shop(versions: Readonly<Record<string, string>>, cert = "/srv/cert.pem"): Desired {
  const files = {
    "/run/secrets/db": "dso://vault:db#password",
    "/run/secrets/cert": cert,
    "/run/secrets/token": "$TOKEN",
  };
  return project({ services: { web: { model: { image: "web:1" }, files } }, versions });
}

describe("a file or variable of the host", () => {
  it("replaces who was given other content, and tells the path and nothing of the content", () => {
    const plan = diff(shop({ ...BEFORE, "/srv/cert.pem": "f9" }), applied(shop(BEFORE)), options());
    expect(text(plan)).toBe(`
      #1 container.web[1] replace-container (config_content_changed: /srv/cert.pem)`);
    expect(plan.changes[0]?.attributes.map(({ path, shown }) => [path, shown])).toEqual([
      ["file./run/secrets/cert", "private"],
    ]);
    const rendered = renderPlan(plan, { color: false, showValues: false });
    expect(rendered).toMatch(/~ file\.\/run\/secrets\/cert += \(changed\)/);
    expect(`${rendered}${JSON.stringify(plan.changes)}`).not.toMatch(/f1|f9/);
  });

  it("names a variable with its sign", () => {
    const plan = diff(shop({ ...BEFORE, $TOKEN: "f9" }), applied(shop(BEFORE)), options());
    expect(reasons(plan)).toEqual({ "container.web[1]": ["config_content_changed"] });
    expect(plan.changes[0]?.reasons[0]?.detail).toBe("$TOKEN");
  });

  it("is no change while it is the same, nor where nobody knows what was delivered", () => {
    const desired = shop(BEFORE);
    const observed = applied(desired);
    expect(diff(desired, observed, options()).operations).toEqual([]);
    const labels = {
      ...observed.containers[0]!.labels,
      [DSO.secrets]: JSON.stringify({ "vault:db#password": "7" }),
    };
    const older = change(observed, { "shop-web-1": { labels } });
    expect(diff(desired, older, options()).changes).toEqual([]);
  });

  it("of another path is another source", () => {
    const moved = shop({ "vault:db": "7", "/srv/new.pem": "f1", $TOKEN: "f2" }, "/srv/new.pem");
    const plan = diff(moved, applied(shop(BEFORE)), options());
    expect(reasons(plan)).toEqual({ "container.web[1]": ["reference_changed"] });
  });
});
