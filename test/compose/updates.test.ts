/** What a service may say of how its replicas follow one another. */
import { describe, expect, test } from "vitest";
import { updatePolicy } from "../../src/model/updates.ts";
import { directory } from "./directory.ts";

const compose = (words: string): string =>
  `services:\n  web:\n    image: x\n    deploy: { update_config: { ${words} } }\n`;

describe("deploy.update_config", () => {
  test.each([
    ["failure_action: stop", "expected one of continue, pause, rollback"],
    ["max_failure_ratio: 1.5", "must be <= 1"],
    ['max_failure_ratio: "-0.1"', "must be >= 0"],
    ["parallelism: -1", "must be >= 0"],
    ["monitor: soon", '"soon" is not a duration'],
  ])("%s is refused", async (words, message) => {
    for (const key of ["update_config", "rollback_config"]) {
      const text = compose(words).replace("update_config", key);
      await using shop = await directory({ "compose.yaml": text });
      const error = await shop.fault();
      expect(error.message).toContain(message);
      expect(error.position?.line).toBe(4);
    }
  });

  test("is read with Compose's defaults, and its numbers also as text", async () => {
    await using shop = await directory({
      "compose.yaml": compose('monitor: 1m30s, max_failure_ratio: "0.3", delay: 500ms'),
    });
    const model = (await shop.load()).services.get("web") ?? {};
    expect(updatePolicy(model, "update")).toEqual({
      ...{ parallelism: 1, delayMs: 500, monitorMs: 90_000, stopFirst: false },
      ...{ failureAction: "pause", maxFailureRatio: 0.3 },
    });
    expect(updatePolicy(model, "rollback")).toEqual({
      ...{ parallelism: 1, delayMs: 0, monitorMs: 0, stopFirst: false },
      ...{ failureAction: "pause", maxFailureRatio: 0 },
    });
  });
});
