import { describe, expect, it } from "vitest";
import { approveLoss, approvePlan } from "../../src/cli/approval.ts";
import type { Change } from "../../src/model/plan.ts";
import { DEFAULT_PLAN_OPTIONS } from "../../src/model/plan.ts";
import type { Run } from "../../src/reconciler/run.ts";
import { createFakeSession, type FakeSession } from "../fakes/session.ts";

const FLAGS = { input: true };

function change(kind: Change["kind"], action: Change["action"]): Change {
  return {
    address: `${kind}.x`,
    kind,
    name: "x",
    index: undefined,
    engineName: `shop_x`,
    action,
    reasons: [],
    method: undefined,
    downtime: undefined,
    deliveries: [],
    attributes: [],
    unchangedAttributes: 0,
    before: null,
    after: null,
  };
}

function run(changes: readonly Change[], over: Partial<Run["plan"]> = {}): Run {
  const plan = {
    project: "shop",
    engineId: "",
    options: DEFAULT_PLAN_OPTIONS,
    changes,
    unchanged: ["container.other[1]"],
    drift: [],
    operations: [],
    warnings: [],
    ...over,
  };
  // Only the plan is looked at.
  return { plan } as unknown as Run;
}

function person(answer: string): FakeSession {
  const session = createFakeSession({ terminal: true });
  session.keyboard.type(`${answer}\n`);
  return session;
}

const CREATE = run([change("container", "create")]);
const LOSES_ALL = run([change("container", "delete")], { unchanged: [] });

describe("a yes", () => {
  it("is asked for in Terraform's grammar, and nothing but yes is one", async () => {
    const session = person("yes");
    expect(await approvePlan(session, FLAGS, CREATE)).toBe(true);
    expect(session.written.error()).toContain("Do you want to perform these actions?");
    expect(session.written.error()).toContain("Only 'yes' will be accepted to approve.");
    expect(await approvePlan(person("no"), FLAGS, CREATE)).toBe(false);
  });

  it("is not asked for where it was given, or where nothing is lost", async () => {
    const session = createFakeSession();
    expect(await approvePlan(session, { ...FLAGS, autoApprove: true }, CREATE)).toBe(true);
    expect(await approveLoss(session, FLAGS, CREATE)).toBe(true);
  });

  it.each([
    ["nobody is there", createFakeSession(), FLAGS],
    ["-input=false", person("yes"), { input: false }],
    ["-json", person("yes"), { input: true, json: true }],
  ])("that is missing is an error: %s", async (_why, session, flags) => {
    await expect(approvePlan(session, flags, CREATE)).rejects.toMatchObject({
      code: "approval-missing",
    });
  });

  it("is wanted before everything is removed, -auto-approve or not", async () => {
    const approved = { ...FLAGS, autoApprove: true };
    await expect(approvePlan(createFakeSession(), approved, LOSES_ALL)).rejects.toThrow();
    expect(await approveLoss(person("yes"), FLAGS, LOSES_ALL)).toBe(true);
    expect(await approveLoss(person("no"), FLAGS, LOSES_ALL)).toBe(false);
    const allowed = { ...FLAGS, allowEmpty: true };
    expect(await approveLoss(createFakeSession(), allowed, LOSES_ALL)).toBe(true);
  });

  it("is not wanted for what was asked for: down -v", async () => {
    const options = { ...DEFAULT_PLAN_OPTIONS, mode: "destroy", removeVolumes: true } as const;
    const down = run([change("volume", "delete"), change("container", "delete")], { options });
    expect(await approveLoss(createFakeSession(), FLAGS, down)).toBe(true);
  });
});
