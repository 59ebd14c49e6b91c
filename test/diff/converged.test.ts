import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { DSO } from "../../src/model/labels.ts";
import { options, project } from "./build.ts";
import { applied, change, empty, madeByCompose } from "./engine.ts";
import { SHOP, text } from "./shop.ts";

describe("a project that is not there yet", () => {
  it("is made in the order of its dependencies", () => {
    const desired = project(SHOP);
    expect(text(diff(desired, empty(desired), options()))).toBe(`
      #1 network.default create-network (created)
      #2 volume.data create-volume (created)
      [1,2] -> #3 container.db[1] create-container (created)
      [3] -> #4 service.db wait-service ("web" wants it healthy)
      [1,4] -> #5 container.web[1] create-container (created)`);
  });

  it("stops and makes nothing before all pulls and builds are done", () => {
    const desired = project({
      services: { app: { build: { context: "." } }, cache: { image: "redis:7" } },
    });
    const observed = { ...empty(desired), images: new Map() };
    expect(text(diff(desired, observed, options()))).toBe(`
      #1 image.app build-image (not on this engine)
      #2 image.cache pull-image (not on this engine)
      [1,2] -> #3 network.default create-network (created)
      [3] -> #4 container.app[1] create-container (created)
      [3] -> #5 container.cache[1] create-container (created)`);
  });

  it("refuses a missing external network, by name", () => {
    const desired = project({
      services: { web: { image: "web:1", networks: { edge: null } } },
      networks: { edge: { name: "edge", external: true } },
    });
    expect(() => diff(desired, empty(desired), options())).toThrow(
      'network "edge" is external, and there is no network "edge"',
    );
  });

  it("uses a network of the wanted name that is not the project's, and says so", () => {
    const desired = project({ services: { web: { image: "web:1" } } });
    const [network] = applied(desired).networks;
    const observed = {
      ...empty(desired),
      foreignNetworks: new Map([["shop_default", { ...network!, labels: {} }]]),
    };
    const plan = diff(desired, observed, options());
    expect(text(plan)).toBe(`
      #1 container.web[1] create-container (created)`);
    expect(plan.warnings.map(({ code }) => code)).toEqual(["foreign-network"]);
  });
});

describe("a project that is as desired", () => {
  it("gives an empty plan", () => {
    const desired = project(SHOP);
    const plan = diff(desired, applied(desired), options());
    expect(plan.operations).toEqual([]);
    expect(plan.changes).toEqual([]);
    expect(plan.drift).toEqual([]);
    expect(plan.unchanged).toEqual([
      "container.db[1]",
      "container.web[1]",
      "network.default",
      "volume.data",
    ]);
  });

  it("adopts what Compose made, with either dialect of the hash", () => {
    const desired = project({
      services: {
        web: {
          image: "web:1",
          volumes: [
            { type: "bind", source: "/srv/a", target: "/a", bind: { create_host_path: true } },
          ],
        },
      },
    });
    const observed = applied(desired);
    const made = madeByCompose(observed.containers[0]!);
    expect(diff(desired, change(observed, { "shop-web-1": made }), options()).operations).toEqual(
      [],
    );
  });

  it("does not look at a label of ours that it cannot read", () => {
    const desired = project({ services: { web: { image: "web:1" } } });
    const observed = applied(desired);
    const labels = { ...observed.containers[0]!.labels, [DSO.spec]: '{"v":2,"other":"form"}' };
    const plan = diff(desired, change(observed, { "shop-web-1": { labels } }), options());
    expect(plan.operations).toEqual([]);
  });

  it("starts again on request what may be a job or a stopped server, but no awaited job", () => {
    const desired = project({
      services: {
        idle: { image: "web:1" },
        migrate: { image: "web:1" },
        web: {
          image: "web:1",
          depends_on: { migrate: { condition: "service_completed_successfully" } },
        },
      },
    });
    const ended = { state: "exited", exitCode: 0 } as const;
    const observed = change(applied(desired), { "shop-idle-1": ended, "shop-migrate-1": ended });
    expect(diff(desired, observed, options()).operations).toEqual([]);
    expect(text(diff(desired, observed, options({ rerun: true })))).toBe(`
      #1 container.idle[1] start-container (drift_stopped: exited with 0)`);
  });

  it("takes a one-shot that ended with 0 as done, and runs one again that did not", () => {
    const desired = project({
      services: {
        migrate: { image: "web:1" },
        web: {
          image: "web:1",
          depends_on: { migrate: { condition: "service_completed_successfully" } },
        },
      },
    });
    const done = change(applied(desired), {
      "shop-migrate-1": { state: "exited", exitCode: 0 },
    });
    expect(diff(desired, done, options()).operations).toEqual([]);
    const failed = change(done, { "shop-migrate-1": { state: "exited", exitCode: 1 } });
    expect(text(diff(desired, failed, options()))).toBe(`
      #1 container.migrate[1] start-container (drift_stopped: exited with 1)`);
  });
});
