import { expect, test } from "vitest";
import { contextServices, pullPolicyOf } from "../../src/model/images.ts";

const HOUR = 3_600_000;

test("every word of pull_policy has its meaning", () => {
  const kinds = ["", "missing", "if_not_present", "always", "never", "build"].map(
    (policy) => pullPolicyOf({ pull_policy: policy }).kind,
  );
  expect(kinds).toEqual(["missing", "missing", "missing", "always", "never", "build"]);
  const after = (policy: string): unknown => pullPolicyOf({ pull_policy: policy });
  expect(after("daily")).toEqual({ kind: "refresh", afterMs: 24 * HOUR });
  expect(after("weekly")).toEqual({ kind: "refresh", afterMs: 168 * HOUR });
  expect(after("every_1w2d3h4m5s")).toEqual({
    kind: "refresh",
    afterMs: (168 + 48 + 3) * HOUR + 4 * 60_000 + 5000,
  });
  expect(pullPolicyOf({ pull_policy: "refresh", pull_refresh_after: "12h" })).toEqual({
    kind: "refresh",
    afterMs: 12 * HOUR,
  });
});

test.each(["every_", "every_1", "every_h", "every_1h ", "every_1h-2m", "refresh", "Always"])(
  "%j is refused",
  (policy) => {
    expect(() => pullPolicyOf({ pull_policy: policy })).toThrow(
      expect.objectContaining({ code: "compose-invalid" }),
    );
  },
);

test("a context is a service only where it says so", () => {
  const additional_contexts = { a: "service:lib", b: "./service:lib", c: "docker-image://x" };
  expect([...contextServices({ additional_contexts })]).toEqual([["a", "lib"]]);
});
