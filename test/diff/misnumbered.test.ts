import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { COMPOSE } from "../../src/model/labels.ts";
import type { Observed } from "../../src/model/observed.ts";
import { options, project } from "./build.ts";
import { applied, change } from "./engine.ts";
import { text } from "./shop.ts";

const desired = project({ services: { web: { image: "web:1" }, db: { image: "db:1" } } });

function numbered(number: string): Observed {
  const observed = applied(desired);
  const web = observed.containers.find(({ name }) => name === "shop-web-1");
  return change(observed, {
    "shop-web-1": { labels: { ...web!.labels, [COMPOSE.number]: number } },
  });
}

describe("a container with a number that no replica can have", () => {
  it.each(["99999999999999999999", "", "0", "one"])("%j makes room for a replica", (number) => {
    const why = `orphan: no replica has the number ${JSON.stringify(number)}`;
    expect(text(diff(desired, numbered(number), options()))).toBe(`
      #1 container.web["shop-web-1"] stop-container (${why})
      [1] -> #2 container.web["shop-web-1"] remove-container (${why})
      [2] -> #3 container.web[1] create-container (created)`);
  });

  it("goes when all goes, and with its service", () => {
    for (const targets of [[], ["service.web"]]) {
      const plan = diff(desired, numbered("x"), options({ mode: "destroy", targets }));
      expect(plan.changes.map(({ engineName }) => engineName)).toContain("shop-web-1");
    }
    const other = options({ mode: "destroy", targets: ["service.db"] });
    const { changes } = diff(desired, numbered("x"), other);
    expect(changes.map(({ engineName }) => engineName)).toEqual(["shop-db-1"]);
  });

  it("is left alone with other orphans", () => {
    const plan = diff(desired, numbered("x"), options({ removeOrphans: "none" }));
    expect(plan.operations.map(({ kind }) => kind)).toEqual(["create-container"]);
  });
});
