import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import type { Plan } from "../../src/model/plan.ts";
import { options, project } from "./build.ts";
import { applied, empty } from "./engine.ts";
import { reasons, SHOP, text } from "./shop.ts";

describe("what a person asks for", () => {
  const desired = project(SHOP);
  const ask = (some: Parameters<typeof options>[0]): Plan =>
    diff(desired, applied(desired), options(some));

  it("replaces by address, of a container, a service or all users of a secret", () => {
    for (const address of ["container.web[1]", "service.web", "web", "secret.vault:db"]) {
      expect(text(ask({ replace: [address] }))).toBe(`
      #1 container.web[1] replace-container (replaced_by_request)`);
    }
  });

  it("replaces all of it, or nothing", () => {
    expect(reasons(ask({ recreate: "force" }))).toEqual({
      "container.db[1]": ["forced"],
      "container.web[1]": ["forced"],
    });
    const newer = project({ ...SHOP, versions: { "vault:db": "8" } });
    expect(diff(newer, applied(desired), options({ recreate: "never" })).operations).toEqual([]);
  });

  it("plans a target with what it needs, or without", () => {
    const observed = empty(desired);
    const all = diff(desired, observed, options({ targets: ["service.web"] }));
    expect(all.changes.map(({ address }) => address)).toEqual([
      "network.default",
      "volume.data",
      "container.db[1]",
      "container.web[1]",
    ]);
    const alone = diff(desired, observed, options({ targets: ["web"], withDependencies: false }));
    expect(text(alone)).toBe(`
      #1 network.default create-network (created)
      [1] -> #2 container.web[1] create-container (created)`);
  });

  it("leaves out what is excluded", () => {
    const plan = diff(desired, empty(desired), options({ excludes: ["service.db"] }));
    expect(plan.changes.map(({ address }) => address)).toEqual([
      "network.default",
      "volume.data",
      "container.web[1]",
    ]);
  });

  it("refuses an address that nothing has, and proposes one", () => {
    expect(() => ask({ targets: ["service.wbe"] })).toThrow(
      expect.objectContaining({
        code: "usage",
        message: 'nothing has the address "service.wbe"',
        hint: expect.stringContaining('Did you mean "service.web"?') as unknown,
      }),
    );
  });

  it("wants a container of a service that is named as something of every object", () => {
    const odd = project({ services: { constructor: { image: "shop/web:1" } } });
    expect(text(diff(odd, empty(odd), options()))).toBe(`
      #1 network.default create-network (created)
      [1] -> #2 container.constructor[1] create-container (created)`);
  });

  it("scales down from the highest number, and up from there", () => {
    const input = (replicas: number): ReturnType<typeof project> =>
      project({ services: { web: { model: { image: "web:1" }, replicas } } });
    const three = applied(input(3));
    expect(text(diff(input(3), three, options({ scale: { web: 1 } })))).toBe(`
      #1 container.web[3] stop-container (scaled_down: 1 wanted)
      [1] -> #2 container.web[3] remove-container (scaled_down: 1 wanted)
      #3 container.web[2] stop-container (scaled_down: 1 wanted)
      [3] -> #4 container.web[2] remove-container (scaled_down: 1 wanted)`);
    const up = diff(input(3), three, options({ scale: { web: 4 } }));
    expect(up.changes.map(({ address }) => address)).toEqual(["container.web[4]"]);
  });

  it("builds and pulls on request", () => {
    const built = project({
      services: { app: { build: { context: "." } }, cache: { image: "redis:7" } },
    });
    const observed = applied(built);
    expect(text(diff(built, observed, options({ build: "always" })))).toBe(`
      #1 image.app build-image (as requested)
      [1] -> #2 container.app[1] replace-container (image_built: as requested)`);
    const pulled = diff(built, observed, options({ pull: "always" }));
    expect(text(pulled)).toBe(`
      #1 image.cache pull-image (as requested)`);
    expect(pulled.warnings.map(({ code }) => code)).toEqual(["decided-after-pull"]);
  });

  it("destroys dependents first, volumes only if asked", () => {
    expect(text(ask({ mode: "destroy" }))).toBe(`
      #1 container.web[1] stop-container (destroy)
      [1] -> #2 container.web[1] remove-container (destroy)
      [2] -> #3 container.db[1] stop-container (destroy)
      [3] -> #4 container.db[1] remove-container (destroy)
      [2,4] -> #5 network.default remove-network (destroy)`);
    const kinds = ask({ mode: "destroy", removeVolumes: true }).operations.map(({ kind }) => kind);
    expect(kinds.at(-1)).toBe("remove-volume");
  });
});
