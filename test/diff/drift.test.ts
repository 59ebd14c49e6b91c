import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { renderPlan } from "../../src/diff/render.ts";
import { DSO } from "../../src/model/labels.ts";
import type { Plan } from "../../src/model/plan.ts";
import { options, project } from "./build.ts";
import { applied, change, id, madeByCompose } from "./engine.ts";
import { reasons, SHOP, text } from "./shop.ts";

describe("drift", () => {
  const desired = project(SHOP);
  const drifted = (some: Parameters<typeof change>[1]): Plan =>
    diff(desired, change(applied(desired), some), options());

  it("starts what stopped, unpauses, renames, attaches", () => {
    const plan = drifted({
      "shop-web-1": { state: "exited", exitCode: 137 },
      "shop-db-1": { name: "mine", networks: [], state: "paused" },
    });
    expect(text(plan)).toBe(`
      #1 container.db[1] rename-container (drift_modified: it is named "mine")
      [1] -> #2 container.db[1] connect-network (drift_modified: detached from network "default")
      [2] -> #3 container.db[1] unpause-container (drift_paused)
      [3] -> #4 service.db wait-service ("web" wants it healthy)
      [4] -> #5 container.web[1] start-container (drift_stopped: exited with 137)`);
    expect(plan.drift.map(({ address, action }) => [address, action])).toEqual([
      ["container.db[1]", "update"],
      ["container.web[1]", "update"],
    ]);
  });

  it("leaves a stopped container alone if so asked, and still tells of it", () => {
    const observed = change(applied(desired), { "shop-web-1": { state: "exited", exitCode: 143 } });
    const plan = diff(desired, observed, options({ start: false }));
    expect(plan.operations).toEqual([]);
    expect(plan.drift.map(({ address }) => address)).toEqual(["container.web[1]"]);
  });

  it("tells a deleted replica from one more that is wanted", () => {
    const input = (replicas: number): ReturnType<typeof project> =>
      project({ services: { web: { model: { image: "web:1" }, replicas } } });
    const gone = diff(input(2), change(applied(input(2)), { "shop-web-1": undefined }), options());
    expect(reasons(gone)).toEqual({ "container.web[3]": ["drift_missing"] });
    expect(gone.drift.map(({ address, action }) => [address, action])).toEqual([
      ["container.web[1]", "delete"],
    ]);
    const more = diff(input(2), applied(input(1)), options());
    expect(reasons(more)).toEqual({ "container.web[2]": ["scaled_up"] });
    expect(more.drift).toEqual([]);
  });

  it("tells the only container that was deleted from one that was never made", () => {
    const wanted = project({ services: { web: { image: "web:1" }, db: { image: "db:1" } } });
    const observed = change(applied(wanted), { "shop-web-1": undefined, "shop-db-1": undefined });
    const lastApply = { containers: new Map([["db", 1]]), running: new Set<string>() };
    const plan = diff(wanted, { ...observed, lastApply }, options());
    expect(reasons(plan)).toEqual({
      "container.db[1]": ["drift_missing"],
      "container.web[1]": ["created"],
    });
    expect(plan.drift.map(({ address, action }) => [address, action])).toEqual([
      ["container.db[1]", "delete"],
    ]);
  });

  it("does not take for lost what an older file wanted more of", () => {
    const input = (replicas: number): ReturnType<typeof project> =>
      project({ services: { web: { model: { image: "web:1" }, replicas } } });
    const observed = change(applied(input(3)), {
      "shop-web-2": undefined,
      "shop-web-3": undefined,
    });
    const lastApply = { containers: new Map([["web", 1]]), running: new Set<string>() };
    const plan = diff(input(2), { ...observed, lastApply }, options());
    expect(reasons(plan)).toEqual({ "container.web[2]": ["scaled_up"] });
  });

  it("starts what ended with 0 after the last apply, unless the files say that it may end", () => {
    const wanted = project({
      services: {
        early: { image: "web:1" },
        idle: { image: "web:1" },
        import: { image: "web:1", restart: "no" },
        retry: { image: "web:1", restart: "on-failure:3" },
        once: { image: "web:1", deploy: { restart_policy: { condition: "none" } } },
      },
    });
    const ended = { state: "exited", exitCode: 0 } as const;
    const names = [...wanted.services.keys()];
    const observed = change(
      applied(wanted),
      Object.fromEntries(names.map((name) => [`shop-${name}-1`, ended])),
    );
    const running = new Set(
      observed.containers.flatMap(({ name, id: one }) => (name === "shop-early-1" ? [] : [one])),
    );
    const lastApply = { containers: new Map(names.map((name) => [name, 1])), running };
    const plan = diff(wanted, { ...observed, lastApply }, options());
    expect(text(plan)).toBe(`
      #1 container.idle[1] start-container (drift_stopped: exited with 0)`);
    expect(plan.drift.map(({ address }) => address)).toEqual(["container.idle[1]"]);
    expect(plan.warnings.map(({ code }) => code)).toEqual(["job-or-stopped"]);
  });

  it("keeps the newer of two containers with one number, and a running one before all", () => {
    const observed = applied(desired);
    const first = observed.containers.find(({ name }) => name === "shop-web-1")!;
    const second = {
      ...first,
      id: id("second"),
      name: "shop-web-1-old",
      created: first.created - 1,
    };
    const both = { ...observed, containers: [...observed.containers, second] };
    expect(text(diff(desired, both, options()))).toBe(`
      #1 container.web[1] stop-container (drift_modified: a second one of its number)
      [1] -> #2 container.web[1] remove-container (drift_modified: a second one of its number)`);
    const stopped = change(both, { "shop-web-1": { state: "exited", exitCode: 1 } });
    const plan = diff(desired, stopped, options());
    expect(plan.operations).toMatchObject([
      { kind: "remove-container", containerId: first.id },
      { kind: "rename-container", containerId: second.id, name: "shop-web-1" },
    ]);
  });

  it("gives swapped names back over names of their own", () => {
    const wanted = project({
      services: { web: { model: { image: "web:1" }, replicas: 2 }, db: { image: "db:1" } },
    });
    const observed = change(applied(wanted), {
      "shop-web-1": { name: "shop-web-2" },
      "shop-web-2": { name: "shop-web-1" },
      "shop-db-1": { name: "mine" },
    });
    const aside = (name: string): string =>
      `${name}-${id(name === "shop-web-1" ? "shop-web-2" : "shop-web-1").slice(0, 8)}`;
    const plan = diff(wanted, observed, options());
    expect(plan.operations.map(({ after, ...one }) => [after, "name" in one && one.name])).toEqual([
      [[], aside("shop-web-2")],
      [[], aside("shop-web-1")],
      [[], "shop-db-1"],
      [[1, 2], "shop-web-1"],
      [[1, 2], "shop-web-2"],
    ]);
    expect(plan.changes.map(({ address }) => address)).toEqual([
      "container.db[1]",
      "container.web[1]",
      "container.web[2]",
    ]);
  });

  it("keeps the genuine of two with one number, though a copy of it is newer", () => {
    const wanted = project({
      services: {
        web: { model: { image: "web:1" }, files: { "/run/secrets/db": "dso://vault:db#password" } },
      },
      versions: { "vault:db": "7" },
    });
    const observed = applied(wanted);
    const [genuine] = observed.containers;
    const copy = {
      ...{ ...genuine!, id: id("copy"), name: "dbg", created: genuine!.created + 9 },
      ...{ image: "debugimg", imageId: `sha256:${id("debugimg")}`, mounts: [] },
    };
    const both = { ...observed, containers: [...observed.containers, copy] };
    expect(diff(wanted, both, options()).operations).toMatchObject([
      { kind: "stop-container", containerId: copy.id },
      { kind: "remove-container", containerId: copy.id },
    ]);
    const alone = diff(wanted, { ...observed, containers: [copy] }, options());
    expect(alone.changes).toMatchObject([
      {
        action: "replace",
        reasons: [
          { code: "image_changed", detail: 'it was made of "debugimg"' },
          { code: "mounts_changed", detail: "its own secrets are not mounted at /run/secrets" },
        ],
      },
    ]);
  });

  it("believes the label of an image where the engine gives container and image other ids", () => {
    const wanted = project({ services: { web: { image: "web:1" } } });
    const observed = change(applied(wanted), { "shop-web-1": { imageId: "sha256:another" } });
    expect(diff(wanted, observed, options()).operations).toEqual([]);
  });

  it("is none of what others made and no apply has found", () => {
    const observed = applied(desired);
    const made = Object.fromEntries(
      observed.containers.map((one) => [one.name, { ...madeByCompose(one), name: `${one.name}x` }]),
    );
    const adopted = diff(desired, change(observed, made), options());
    expect(adopted.operations.some(({ kind }) => kind === "rename-container")).toBe(true);
    expect(adopted.drift).toEqual([]);
    const only = diff(desired, change(observed, made), options({ mode: "refresh-only" }));
    expect(only.warnings.map(({ code }) => code)).toEqual(["never-applied"]);
    expect(renderPlan(only, { color: false, showValues: false })).toMatch(/^No drift\.\n/);
    const lastApply = { containers: new Map(), running: new Set<string>() };
    const later = diff(desired, { ...change(observed, made), lastApply }, options());
    expect(later.drift).toHaveLength(2);
  });

  it("alone is the whole answer of refresh-only", () => {
    const observed = change(applied(desired), { "shop-web-1": { state: "exited", exitCode: 1 } });
    const plan = diff(
      project({ ...SHOP, services: {} }),
      observed,
      options({ mode: "refresh-only" }),
    );
    expect([plan.changes, plan.operations]).toEqual([[], []]);
    const same = diff(desired, observed, options({ mode: "refresh-only" }));
    expect(same.drift.map(({ address }) => address)).toEqual(["container.web[1]"]);
  });
});

describe("secrets that are gone from memory", () => {
  const wanted = project({
    services: {
      web: { model: { image: "web:1" }, files: { "/run/secrets/db": "dso://vault:db#password" } },
      seed: {
        model: { image: "web:1", restart: "no" },
        files: { "/run/secrets/db": "dso://vault:db#password" },
      },
    },
    versions: { "vault:db": "7" },
  });
  const observed = applied(wanted);
  const lostGenerations = new Set(
    observed.containers.flatMap(({ labels }) => labels[DSO.generation]!),
  );

  it("are a reason to replace the container, running or not, and are drift", () => {
    for (const state of ["running", "exited"] as const) {
      const some = state === "exited" ? { state, exitCode: 143 } : { state };
      const now = change(observed, {
        "shop-web-1": some,
        "shop-seed-1": { state: "exited", exitCode: 0 },
      });
      const plan = diff(wanted, { ...now, lostGenerations }, options());
      expect(plan.operations.map(({ kind, address }) => [kind, address])).toEqual([
        ["replace-container", "container.web[1]"],
      ]);
      expect(reasons(plan)["container.web[1]"]).toContain("secret_memory_lost");
      expect(plan.drift[0]?.reasons.map(({ code }) => code)).toContain("secret_memory_lost");
    }
  });
});

describe("drift of a container that has to be replaced anyway", () => {
  it("is told all the same", () => {
    const newer = project({ ...SHOP, versions: { "vault:db": "8" } });
    const observed = change(applied(project(SHOP)), {
      "shop-web-1": { state: "exited", exitCode: 137, name: "mine" },
    });
    const codes = (plan: Plan): readonly string[] =>
      plan.drift.flatMap(({ reasons: all }) => all.map(({ code }) => code));
    expect(codes(diff(newer, observed, options()))).toEqual(["drift_modified", "drift_stopped"]);
    const alone = diff(newer, observed, options({ mode: "refresh-only" }));
    expect(codes(alone)).toEqual(["drift_modified", "drift_stopped"]);
  });
});
