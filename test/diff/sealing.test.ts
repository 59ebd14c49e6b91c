import { describe, expect, it, test } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import type { Desired, Grade } from "../../src/model/desired.ts";
import type { ImageDetail, Observed } from "../../src/model/observed.ts";
import type { Plan } from "../../src/model/plan.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { options, project } from "./build.ts";
import { applied, change, empty, image } from "./engine.ts";
import { text } from "./shop.ts";

interface Wish {
  readonly grade?: Grade;
  readonly env?: "auto" | "sealed" | "exposed";
  readonly environment?: ServiceModel["environment"];
}

function wish({ grade = "sealed", env = "auto", environment = {} }: Wish = {}): Desired {
  const model = { image: "web:1", environment: { PASSWORD: "dso://vault:db#p", ...environment } };
  return project({
    services: { web: { model, grade, policy: { env } } },
    versions: { "vault:db": "7" },
  });
}

interface Machine {
  readonly shim?: boolean;
  /** Null: not there yet. */
  readonly detail?: Partial<ImageDetail> | null;
}

function on(observed: Observed, { shim = false, detail = {} }: Machine = {}): Observed {
  const images = new Map(detail === null ? [] : [["web:1", image("web:1", detail)]]);
  return { ...observed, shim, images };
}

const codes = (plan: Plan): readonly string[] => plan.warnings.map(({ code }) => code);
const grades = (plan: Plan): readonly Grade[] =>
  plan.changes.flatMap(({ deliveries }) => deliveries.map(({ grade }) => grade));
const DOTTED = { environment: ["java.home=/jre"] };

describe("how a plan grades variables", () => {
  test.each<[string, Wish, Machine, Grade, readonly string[]]>([
    ["by the shim", {}, { shim: true, detail: DOTTED }, "sealed", []],
    ["by the shim, before the image is there", {}, { shim: true, detail: null }, "sealed", []],
    ["by a shell, if there is one", {}, {}, "sealed", ["decided-later"]],
    ["by nobody knows what yet", {}, { detail: null }, "sealed", ["decided-later"]],
    ["a name of the image is none of a shell", {}, { detail: DOTTED }, "exposed", ["exposed"]],
    ["one of the service", { environment: { "a.b": "c" } }, {}, "exposed", ["exposed"]],
    ["knowingly", { grade: "exposed", env: "exposed" }, { shim: true }, "exposed", ["exposed"]],
    ["sealed, by a shell", { env: "sealed" }, {}, "sealed", ["decided-later"]],
  ])("%s", (_, wanted, machine, grade, warnings) => {
    const desired = wish(wanted);
    const plan = diff(desired, on(empty(desired), machine), options());
    expect(grades(plan)).toEqual([grade]);
    expect(codes(plan).filter((code) => ["exposed", "decided-later"].includes(code))).toEqual(
      warnings,
    );
  });

  it("refuses what is to be sealed and cannot be", () => {
    const desired = wish({ env: "sealed" });
    expect(() => diff(desired, on(empty(desired), { detail: DOTTED }), options())).toThrow(
      expect.objectContaining({
        code: "policy-refused",
        message: expect.stringContaining('service "web"') as string,
        hint: expect.stringContaining("dsofile://") as string,
      }) as Error,
    );
  });

  it("says what a missing shell would mean, by the policy", () => {
    const said = (env: "auto" | "sealed"): string | undefined => {
      const desired = wish({ env });
      return diff(desired, on(empty(desired)), options()).warnings.find(
        ({ code }) => code === "decided-later",
      )?.message;
    };
    expect(said("auto")).toContain("where it has none, `docker inspect` shows them");
    expect(said("sealed")).toContain("where it has none, nothing is changed");
  });
});

describe("another grade than the container has", () => {
  const sealed = wish();
  const open = wish({ grade: "exposed", env: "exposed" });
  const shim = { shim: true };
  const replaced = (words: string): string => `
      #1 container.web[1] replace-container (delivery_changed: its variables were ${words})`;

  it("is a change, there and back", () => {
    expect(text(diff(sealed, on(applied(open), shim), options()))).toBe(
      replaced("exposed, and are to be sealed"),
    );
    expect(text(diff(open, on(applied(sealed), shim), options()))).toBe(
      replaced("sealed, and are to be exposed"),
    );
  });

  it("is none where it is the same, or there is nothing to hide", () => {
    expect(diff(sealed, on(applied(sealed), shim), options()).operations).toEqual([]);
    expect(diff(open, on(applied(open), shim), options()).operations).toEqual([]);
    const none = project({ services: { web: { model: { image: "web:1" }, grade: "sealed" } } });
    expect(diff(none, on(applied(none)), options()).operations).toEqual([]);
  });

  it("is none where a container that was to be sealed had no shell, unless it must be", () => {
    expect(diff(sealed, on(applied(open)), options()).operations).toEqual([]);
    expect(text(diff(wish({ env: "sealed" }), on(applied(open)), options()))).toBe(
      replaced("exposed, and are to be sealed"),
    );
  });

  it("is none for a job that is done: nothing of it is left to hide", () => {
    const ended = change(applied(open), { "shop-web-1": { state: "exited", exitCode: 0 } });
    expect(diff(sealed, on(ended, shim), options()).operations).toEqual([]);
  });

  it("is none for who was sealed by a release that could, and runs on", () => {
    const observed = on(applied(sealed), { detail: DOTTED });
    expect(diff(sealed, observed, options()).operations).toEqual([]);
  });
});
