import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { renderPlan } from "../../src/diff/render.ts";
import type { PlanOptions } from "../../src/model/plan.ts";
import type { Desired } from "../../src/model/desired.ts";
import type { Observed } from "../../src/model/observed.ts";
import { options, project, type ProjectInput } from "./build.ts";
import { applied, change, empty } from "./engine.ts";

const SHOP: ProjectInput = {
  services: {
    web: {
      model: { image: "web:1", environment: { LOG: "info", HOME_URL: "https://shop" } },
      files: { "/run/secrets/db": "dso://vault:db#password" },
    },
    db: {
      image: "postgres:16.1",
      healthcheck: { test: ["CMD", "pg_isready"], interval: "2s" },
      volumes: [{ type: "volume", source: "data", target: "/var/lib/postgresql/data" }],
    },
  },
  volumes: { data: {} },
  versions: { "vault:db": "7" },
};

function rendered(
  desired: Desired,
  observed: Observed,
  some: Partial<PlanOptions> = {},
  showValues = false,
): string {
  return `\n${renderPlan(diff(desired, observed, options(some)), { color: false, showValues })}`;
}

describe("a plan for people", () => {
  it("says what, why, how and for how long", () => {
    const after = project({
      ...SHOP,
      services: {
        web: SHOP.services.web!,
        db: { ...SHOP.services.db!, image: "postgres:16.2" },
      },
      versions: { "vault:db": "8" },
    });
    const before = project({ ...SHOP, services: { ...SHOP.services, old: { image: "web:1" } } });
    expect(rendered(after, applied(before))).toBe(`
What the signs mean:
  - destroy
-/+ replace: stop the old one, then start the new one
+/- replace: start the new one, then stop the old one

DSO will perform the following actions:

  # container.db[1] will be replaced by stop-first, 2.8 s to 40 s of downtime
  # (image_changed: it is pulled first)
  # (forced by volume "data", which it writes; the single writer "postgres")
  # (not measured yet: it may ignore its stop signal, and take its time to serve)
-/+ container.db[1] "shop-db-1" {
      ~ image = "postgres:16.1" -> "postgres:16.2"
        # (4 unchanged attributes hidden)
    }

  # container.web[1] will be replaced by blue-green, no expected downtime
  # (secret_rotated: vault:db#password)
+/- container.web[1] "shop-web-1" {
      ~ file./run/secrets/db = dso://vault:db#password @7 -> @8   (file)
        # (4 unchanged attributes hidden)
    }

  # container.old[1] will be destroyed
  # (orphan: no service "old" in the files)
  - container.old[1] "shop-old-1"

Images that are fetched before anything is stopped:
  pull  postgres:16.2

Plan: 2 to add, 0 to change, 3 to destroy.
`);
  });

  it("is one sentence where nothing differs", () => {
    const desired = project(SHOP);
    expect(rendered(desired, applied(desired))).toBe(`
No changes. The engine runs what the files describe: 2 containers as desired.
`);
  });

  it("begins with what was changed outside", () => {
    const desired = project(SHOP);
    const observed = change(applied(desired), {
      "shop-web-1": { state: "exited", exitCode: 137 },
    });
    expect(rendered(desired, observed)).toBe(`
Changed outside of DSO since the last apply:
  ~ container.web[1] "shop-web-1" has changed (drift_stopped: exited with 137)

What the signs mean:
  ~ update in place

DSO will perform the following actions:

  # container.web[1] will be started
  # (drift_stopped: exited with 137)
  ~ container.web[1] "shop-web-1" {
      ~ state = "exited" -> "running"
    }

Plan: 0 to add, 1 to change, 0 to destroy.
`);
    expect(rendered(desired, observed, { mode: "refresh-only" })).toBe(`
Changed outside of DSO since the last apply:
  ~ container.web[1] "shop-web-1" has changed (drift_stopped: exited with 137)
`);
  });

  it("shows private text only when told to", () => {
    const input = (log: string): Desired =>
      project({
        services: { web: { image: "web:1", environment: { LOG: log } } },
        private: ["services.web.environment.LOG"],
      });
    const line = (showValues: boolean): string | undefined =>
      rendered(input("two"), applied(input("one")), {}, showValues)
        .split("\n")
        .find((one) => one.includes("environment.LOG"));
    expect(line(false)).toBe("      ~ environment.LOG = (changed)");
    expect(line(true)).toBe('      ~ environment.LOG = "one" -> "two"');
  });

  it("keeps the plain text private that a reference takes the place of", () => {
    const before = project({
      services: { web: { image: "web:1", environment: { P: "hunter2" } } },
    });
    const after = project({
      services: { web: { image: "web:1", environment: { P: "dso://vault:db#password" } } },
      versions: { "vault:db": "7" },
    });
    const text = rendered(after, applied(before), {}, true);
    expect(text).not.toContain("hunter2");
    expect(text).toContain("~ environment.P = (private) -> dso://vault:db#password @7   (exposed)");
  });

  it("tells lists element by element", () => {
    const input = (...ports: readonly string[]): Desired =>
      project({
        services: {
          web: { image: "web:1", ports: ports.map((published) => ({ target: 80, published })) },
        },
      });
    expect(rendered(input("8080", "9090"), applied(input("8080", "8081")))).toContain(`
      ~ ports = [
          - "8081:80/tcp"
          + "9090:80/tcp"
            # (1 unchanged element hidden)
        ]
`);
  });

  it("lets no foreign text steer the terminal", () => {
    const input = (log: string): Desired =>
      project({ services: { web: { image: "web:1", labels: { ["a\u001b[2J"]: log } } } });
    const text = rendered(input("\u001b]0;x\u0007"), applied(input("1")));
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  it("colours signs, if told to", () => {
    const desired = project(SHOP);
    const plan = diff(desired, empty(desired), options());
    expect(renderPlan(plan, { color: true, showValues: false })).toContain("\u001b[32m+\u001b[39m");
    expect(renderPlan(plan, { color: false, showValues: false })).not.toContain("\u001b");
  });
});
