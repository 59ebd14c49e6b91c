import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import type { ImageDetail, Newness, Observed } from "../../src/model/observed.ts";
import type { Plan, PlanOptions } from "../../src/model/plan.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { options, project } from "./build.ts";
import { applied, empty, image } from "./engine.ts";
import { text } from "./shop.ts";

const IMAGE = "r.io/web:1";

interface Setting {
  readonly here?: Partial<ImageDetail> | undefined;
  readonly runs?: boolean;
  readonly newness?: Newness["kind"];
  readonly ask?: Partial<PlanOptions>;
}

/** The plan of one service, whose image is here or not. */
function planOf(model: ServiceModel, setting: Setting = {}): Plan {
  const desired = project({ services: { web: { image: IMAGE, ...model } } });
  const seen = setting.runs === true ? applied(desired) : empty(desired);
  const { newness, here } = setting;
  const observed: Observed = {
    ...seen,
    images: new Map(here === undefined ? [] : [[IMAGE, { ...image(IMAGE), ...here }]]),
    ...(newness && { newness: new Map([[IMAGE, { kind: newness, why: "it is down" }]]) }),
  };
  return diff(desired, observed, options(setting.ask ?? {}));
}

/** `pull`, `pull|build`, `build` or nothing. */
function fetched(model: ServiceModel, setting: Setting = {}): string {
  const found = planOf(model, setting).operations.flatMap((one) => {
    if (one.kind === "build-image") return ["build"];
    if (one.kind !== "pull-image") return [];
    return [one.orBuild === undefined ? "pull" : "pull|build"];
  });
  return found.join(" ");
}

const build = { build: { context: "/" } };
const here = {};

describe("how an image is had", () => {
  it.each([
    ["", {}, "pull", ""],
    ["missing", {}, "pull", ""],
    ["never", {}, "", ""],
    ["always", {}, "pull", "pull"],
    ["daily", {}, "pull", ""],
    ["", build, "pull|build", ""],
    ["never", build, "build", ""],
    ["always", build, "pull|build", "pull|build"],
    ["build", build, "build", "build"],
    ["every_2h", build, "pull|build", ""],
  ] as const)("pull_policy %j with %j: missing %j, here %j", (policy, more, missing, present) => {
    const model = { ...more, pull_policy: policy };
    expect(fetched(model)).toBe(missing);
    expect(fetched(model, { here })).toBe(present);
  });

  it("what is only built is asked of no registry", () => {
    const desired = project({ services: { app: build } });
    const none = { ...empty(desired), images: new Map<string, ImageDetail>() };
    for (const pull of ["policy", "always", "missing", "never"] as const) {
      expect(text(diff(desired, none, options({ pull })))).toContain("image.app build-image");
    }
  });

  it("an image of another platform is as good as none, for what is made", () => {
    const model = { platform: "linux/arm64/v8" };
    expect(fetched(model, { here: { arch: "arm64" } })).toBe("");
    expect(fetched(model, { here: { arch: "amd64" } })).toBe("pull");
    expect(fetched({ platform: "x86_64" }, { here })).toBe("");
    expect(planOf(model, { here, runs: true }).operations).toEqual([]);
  });

  it("a command line goes before the file", () => {
    expect(fetched({ pull_policy: "always" }, { here, ask: { pull: "missing" } })).toBe("");
    expect(fetched({ pull_policy: "never" }, { ask: { pull: "always" } })).toBe("pull");
    expect(fetched(build, { here, ask: { build: "always" } })).toBe("build");
  });
});

describe("a newer image", () => {
  it("is pulled, and what runs of the old one is replaced; the same one is not", () => {
    const setting = { here, runs: true, newness: "newer" } as const;
    expect(text(planOf({ pull_policy: "always" }, setting))).toBe(`
      #1 image.web pull-image (its registry has another one)
      [1] -> #2 container.web[1] replace-container (image_changed: its registry has another one)`);
    expect(planOf({ pull_policy: "always" }, { ...setting, newness: "same" }).operations).toEqual(
      [],
    );
    const asked = { ...setting, ask: { pull: "always" } } as const;
    expect(fetched({}, asked)).toBe("pull");
    expect(fetched({}, { ...asked, newness: "same" })).toBe("");
  });

  it("that nobody knows of changes nothing, and the plan says so", () => {
    const plan = planOf({ pull_policy: "daily" }, { here, runs: true, newness: "unknown" });
    expect(plan.operations).toEqual([]);
    expect(plan.warnings).toMatchObject([
      {
        code: "image-unknown",
        message: expect.stringMatching(/"web" is not known: it is down$/) as string,
      },
    ]);
    expect(fetched({ pull_policy: "always" }, { here, newness: "unknown" })).toBe("pull");
  });
});

describe("a build that reads other services", () => {
  const reads = (...names: readonly string[]): ServiceModel => ({
    build: {
      context: "/",
      additional_contexts: Object.fromEntries(names.map((name) => [name, `service:${name}`])),
    },
  });

  it("comes after theirs, which are made though nobody runs them", () => {
    const services = { a: reads("b", "c"), b: reads("c"), c: { model: build, replicas: 0 } };
    const desired = project({ services });
    const observed = { ...empty(desired), images: new Map<string, ImageDetail>() };
    const lines = text(diff(desired, observed, options({})))
      .split("\n")
      .slice(1, 4);
    expect(lines.map((line) => line.trim())).toEqual([
      "#1 image.c build-image (not on this engine)",
      "[1] -> #2 image.b build-image (not on this engine)",
      "[1,2] -> #3 image.a build-image (not on this engine)",
    ]);
  });

  it("takes what is here as it is", () => {
    const desired = project({ services: { a: reads("c"), c: { model: build, replicas: 0 } } });
    const images = new Map([["shop-c", image("shop-c")]]);
    const plan = diff(desired, { ...empty(desired), images }, options({}));
    expect(text(plan)).toContain("#1 image.a build-image");
    expect(text(plan)).not.toContain("image.c");
  });
});

it("one image of two services is had once, by whoever can build it", () => {
  const desired = project({ services: { a: { image: IMAGE }, b: { image: IMAGE, ...build } } });
  const plan = diff(desired, { ...empty(desired), images: new Map() }, options({}));
  const [first, ...others] = plan.operations.filter(({ address }) => address.startsWith("image"));
  expect(first).toMatchObject({ kind: "pull-image", orBuild: "b" });
  expect(others).toEqual([]);
});
