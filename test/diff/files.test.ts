import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { COMPOSE } from "../../src/model/labels.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { options, project } from "./build.ts";
import { applied, change, empty, image } from "./engine.ts";
import { db, reasons, SHOP, text, web } from "./shop.ts";

describe("a change of the files", () => {
  it("replaces only what it touches, and says which attribute", () => {
    const before = project(SHOP);
    const after = project({
      ...SHOP,
      services: { db, web: { ...web, environment: { ...web.environment, LOG: "debug" } } },
    });
    const plan = diff(after, applied(before), options());
    expect(text(plan)).toBe(`
      #1 container.web[1] replace-container (env_changed: LOG)`);
    expect(plan.changes[0]?.attributes).toEqual([
      {
        path: "environment.LOG",
        before: "info",
        after: "debug",
        shown: "open",
        forcesReplacement: true,
      },
    ]);
  });

  it("waits for a replaced dependency to be healthy", () => {
    const before = project(SHOP);
    const after = project({
      ...SHOP,
      services: { db: { ...db, image: "postgres:16.2" }, web: { ...web, image: "web:2" } },
    });
    const plan = diff(after, { ...applied(before), images: empty(after).images }, options());
    expect(text(plan)).toBe(`
      #1 container.db[1] replace-container (image_changed)
      [1] -> #2 service.db wait-service ("web" wants it healthy)
      [2] -> #3 container.web[1] replace-container (image_changed)`);
    expect(plan.changes[0]?.downtime).toEqual({
      expectedMs: 2800,
      worstMs: 40_400,
      measured: false,
      forcedBy: ['volume "data", which it writes', 'the single writer "postgres"'],
    });
  });

  it("replaces where the same name is another image now", () => {
    const desired = project({ services: { web: { image: "web:1" } } });
    const images = new Map([["web:1", image("web:1", { id: "sha256:other" })]]);
    const plan = diff(desired, { ...applied(desired), images }, options());
    expect(reasons(plan)).toEqual({ "container.web[1]": ["image_changed"] });
    expect(plan.changes[0]?.attributes.map(({ path }) => path)).toEqual(["image_id"]);
  });

  it("replaces replicas one after the other, unless parallelism says more", () => {
    const model: ServiceModel = { image: "web:1" };
    const wide = { ...model, deploy: { update_config: { parallelism: 2 } } };
    const before = project({ services: { web: { model, replicas: 3 } } });
    const after = project({ services: { web: { model: { ...model, user: "1" }, replicas: 3 } } });
    expect(text(diff(after, applied(before), options()))).toBe(`
      #1 container.web[1] replace-container (config_changed: user)
      [1] -> #2 container.web[2] replace-container (config_changed: user)
      [2] -> #3 container.web[3] replace-container (config_changed: user)`);
    const two = project({ services: { web: { model: wide, replicas: 3 } } });
    expect(diff(two, applied(before), options()).operations.map(({ after: ids }) => ids)).toEqual([
      [],
      [],
      [1, 2],
    ]);
  });

  it("waits between them as deploy.update_config.delay says", () => {
    const model: ServiceModel = { image: "web:1" };
    const slow = { ...model, deploy: { update_config: { delay: "1m30s" } } };
    const before = project({ services: { web: { model, replicas: 3 } } });
    const after = project({ services: { web: { model: { ...slow, user: "1" }, replicas: 3 } } });
    const delays = diff(after, applied(before), options()).operations.map((one) =>
      one.kind === "replace-container" ? one.delayMs : "other",
    );
    expect(delays).toEqual([undefined, 90_000, 90_000]);
  });

  it("goes back at the pace, and in the order, of deploy.rollback_config", () => {
    const update_config = { parallelism: 1, delay: "1m", monitor: "9s", order: "start-first" };
    const rollback_config = { parallelism: 0, monitor: "2s", order: "stop-first" };
    const model: ServiceModel = { image: "web:1", deploy: { update_config, rollback_config } };
    const before = project({ services: { web: { model, replicas: 2 } } });
    const after = project({ services: { web: { model: { ...model, user: "1" }, replicas: 2 } } });
    const told = (pace: "update" | "rollback") => {
      const plan = diff(after, applied(before), options({ pace }));
      expect(plan.changes[0]?.method).toBe(pace === "update" ? "blue-green" : "stop-first");
      return plan.operations.map((one) =>
        one.kind === "replace-container" ? [one.after, one.delayMs, one.monitorMs] : [],
      );
    };
    expect(told("update")).toEqual([
      [[], undefined, 9000],
      [[1], 60_000, 9000],
    ]);
    expect(told("rollback")).toEqual([
      [[], undefined, 2000],
      [[], undefined, 2000],
    ]);
  });

  it("has no downtime to tell while another replica serves", () => {
    const before = project({ services: { web: { model: { image: "web:1" }, replicas: 2 } } });
    const after = project({
      services: { web: { model: { image: "web:1", user: "1" }, replicas: 2 } },
    });
    const plan = diff(after, applied(before), options());
    expect(plan.changes.map(({ downtime }) => downtime)).toEqual([undefined, undefined]);
  });

  it("replaces what shares a namespace with a replaced container, and restarts who asks for it", () => {
    const services = {
      main: { image: "main:1" },
      side: { image: "side:1", network_mode: "service:main" },
      last: {
        image: "last:1",
        depends_on: { main: { condition: "service_started" as const, restart: true } },
      },
    };
    const before = project({ services });
    const after = project({ services: { ...services, main: { image: "main:1", user: "1" } } });
    expect(diff(before, applied(before), options()).operations).toEqual([]);
    expect(text(diff(after, applied(before), options()))).toBe(`
      #1 container.main[1] replace-container (config_changed: user)
      [1] -> #2 container.last[1] restart-container (dependency_restarted: main)
      [1] -> #3 container.side[1] replace-container (dependency_replaced: main)`);
  });

  it("restarts who asks for it also where only the dependency is targeted, and does no more to it", () => {
    const last = (user?: string) => ({
      image: "last:1",
      ...(user === undefined ? {} : { user }),
      depends_on: { main: { condition: "service_started" as const, restart: true } },
    });
    const before = project({ services: { main: { image: "main:1" }, last: last() } });
    const after = project({ services: { main: { image: "main:1", user: "1" }, last: last("1") } });
    const targets = { targets: ["service.main"], withDependencies: false };
    expect(text(diff(after, applied(before), options(targets)))).toBe(`
      #1 container.main[1] replace-container (config_changed: user)
      [1] -> #2 container.last[1] restart-container (dependency_restarted: main)`);
    const alone = options({ ...targets, excludes: ["service.last"] });
    expect(text(diff(after, applied(before), alone))).toBe(`
      #1 container.main[1] replace-container (config_changed: user)`);
  });

  it("makes a network anew with its containers when its settings changed", () => {
    const services = { web: { image: "web:1" } };
    const before = project({ services });
    const observed = applied(before);
    const labelled = {
      ...observed,
      networks: observed.networks.map((one) => ({
        ...one,
        labels: { ...one.labels, [COMPOSE.configHash]: "0".repeat(64) },
      })),
    };
    expect(text(diff(before, labelled, options()))).toBe(`
      #1 network.default disconnect-network (config_changed: it was made from other settings)
      [1] -> #2 network.default remove-network (config_changed: it was made from other settings)
      [2] -> #3 network.default create-network (config_changed: it was made from other settings)
      [3] -> #4 container.web[1] replace-container (network_changed: network "default" is made anew)`);
  });

  it("keeps a volume whose settings changed, with a warning", () => {
    const desired = project(SHOP);
    const observed = applied(desired);
    const volumes = observed.volumes.map((one) => ({
      ...one,
      labels: { ...one.labels, [COMPOSE.configHash]: "0".repeat(64) },
    }));
    const plan = diff(desired, { ...observed, volumes }, options());
    expect(plan.operations).toEqual([]);
    expect(plan.warnings.map(({ code }) => code)).toContain("volume-differs");
  });

  it("refuses a mount that is nowhere, of a service that is asked for, before all else", () => {
    const mounts = [...db.volumes!, { type: "volume", target: "d:/data" }] as const;
    const desired = project({ ...SHOP, services: { web, db: { ...db, volumes: mounts } } });
    const position = { file: "/srv/shop/compose.yaml", line: 4, column: 7 };
    const at = (path: readonly (string | number)[]) =>
      path.join(".") === "services.db.volumes.1" ? position : undefined;
    const positions = { ...desired.project.positions, at };
    const placed = { ...desired, project: { ...desired.project, positions } };
    const plan = (target: string) =>
      diff(placed, empty(desired), options({ targets: [target], withDependencies: false }));
    expect(() => plan("db")).toThrow(
      expect.objectContaining({
        code: "compose-invalid",
        message: 'services.db.volumes[1]: the target "d:/data" is no absolute path',
        position,
      }),
    );
    expect(plan("web").operations).not.toEqual([]);
  });

  it("removes orphans before a successor that may want what they hold, and their network last", () => {
    const before = project({
      services: { old: { image: "web:1", networks: { back: null } } },
      networks: { back: {} },
    });
    const after = project({
      services: { web: { image: "web:1", ports: [{ target: 80, published: "8080" }] } },
    });
    expect(text(diff(after, applied(before), options()))).toBe(`
      #1 container.old[1] stop-container (orphan: no service "old" in the files)
      [1] -> #2 container.old[1] remove-container (orphan: no service "old" in the files)
      #3 network.default create-network (created)
      [2,3] -> #4 container.web[1] create-container (created)
      [2] -> #5 network.back remove-network (orphan: no network "back" in the files)`);
    expect(diff(after, applied(before), options({ removeOrphans: "none" })).changes).toHaveLength(
      2,
    );
  });

  it("takes nothing from another directory that has the same project name", () => {
    const before = project({ services: { web: { image: "web:1" }, old: { image: "web:1" } } });
    const after = project({ services: { web: { image: "web:1" } } });
    const labels = { [COMPOSE.workingDir]: "/home/other/shop" };
    const there = applied(before);
    const observed = {
      ...there,
      containers: there.containers.map((container) =>
        container.name === "shop-old-1"
          ? { ...container, labels: { ...container.labels, ...labels } }
          : container,
      ),
    };
    for (const mode of ["apply", "destroy"] as const) {
      expect(() => diff(after, observed, options({ mode }))).toThrow(
        'project "shop" also runs from /home/other/shop, with old: that would be removed',
      );
    }
    const asked = diff(after, observed, options({ removeOrphans: "all" }));
    expect(text(asked)).toContain("container.old[1] remove-container");
    expect(diff(after, observed, options({ targets: ["service.web"] })).operations).toEqual([]);
  });

  it("leaves services alone that a profile switches off", () => {
    const before = project({ services: { web: { image: "web:1" }, debug: { image: "web:1" } } });
    const after = project({ services: { web: { image: "web:1" } }, disabled: ["debug"] });
    expect(diff(after, applied(before), options()).operations).toEqual([]);
  });

  it("keeps a network that somebody who stays is attached to", () => {
    const debug: ServiceModel = { image: "web:1", networks: { back: null } };
    const before = project({
      services: { web: { image: "web:1" }, debug },
      networks: { default: {}, back: {} },
    });
    const after = project({ services: { web: { image: "web:1" } }, disabled: ["debug"] });
    expect(diff(after, applied(before), options()).operations).toEqual([]);
    const gone = change(applied(before), { "shop-debug-1": undefined });
    expect(diff(after, gone, options()).operations.map(({ kind }) => kind)).toEqual([
      "remove-network",
    ]);
  });

  it("says when nothing at all is wanted any more", () => {
    const before = project({ services: { web: { image: "web:1" } } });
    const after = project({ services: {} });
    const plan = diff(after, applied(before), options());
    expect(plan.warnings.map(({ code }) => code)).toEqual(["empty-desired"]);
    expect(plan.operations.map(({ kind }) => kind)).toContain("remove-container");
  });
});
