/** What the plan says of how the replicas of a service follow one another. */
import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { renderPlan } from "../../src/diff/render.ts";
import type { Plan } from "../../src/model/plan.ts";
import type { UpdateModel } from "../../src/model/deploy.ts";
import { options, project } from "./build.ts";
import { applied } from "./engine.ts";

function planFor(update_config: UpdateModel, replicas = 3, more: object = {}): Plan {
  const services = (image: string) => ({
    web: { model: { image, deploy: { update_config, ...more } }, replicas },
  });
  const before = project({ services: services("web:1") });
  return diff(project({ services: services("web:2") }), applied(before), options());
}

function told(plan: Plan): readonly string[] {
  return plan.changes.flatMap(({ rollout }) => rollout ?? []);
}

describe("the way from replica to replica", () => {
  it.each<readonly [UpdateModel, string]>([
    [
      { delay: "10s" },
      "one replica after the other, 10 s between them; if one fails, no other is begun",
    ],
    [
      { failure_action: "continue", max_failure_ratio: 0.3 },
      "one replica after the other; if one fails, the others go on",
    ],
    [
      { parallelism: 2, monitor: "5s", failure_action: "rollback" },
      "2 replicas at a time, each watched for 5 s; if one fails, those before it go back",
    ],
    [
      { parallelism: 0, delay: "1m", max_failure_ratio: 0.25 },
      "all replicas at once; if more than 25% fail, no other is begun",
    ],
  ])("%j", (words, line) => {
    const plan = planFor(words);
    expect(plan.changes.map(({ rollout }) => rollout)).toEqual([line, undefined, undefined]);
    const text = renderPlan(plan, { color: false, showValues: false });
    expect(text).toContain(`\n  # (${line.slice(0, 45)}`);
  });

  it("is not told where it is the usual one, or one replica alone changes", () => {
    expect(told(planFor({}))).toEqual([]);
    expect(told(planFor({ order: "stop-first", failure_action: "pause" }))).toEqual([]);
    expect(told(planFor({ delay: "10s" }, 1))).toEqual([]);
    expect(told(planFor({}, 3, { rollback_config: { delay: "10s" } }))).toEqual([]);
  });
});
