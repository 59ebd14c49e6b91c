import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createStreamView, diagnostics, encode } from "../../src/cli/render/stream.ts";
import { combine, DsoError } from "../../src/model/errors.ts";
import { DEFAULT_PLAN_OPTIONS, type Operation, type Plan } from "../../src/model/plan.ts";
import { createOutput } from "../fakes/session.ts";

type Line = Readonly<Record<string, unknown>> & { readonly type: string };

const directory =
  process.env["DSO_CONFORMANCE"] ?? join(import.meta.dirname, "../../../shared/conformance");

function parse(text: string): readonly Line[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

/** Of an object; `terraform` and `reason` are theirs, or there only now and then. */
function keysOf(value: unknown): string[] {
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  return keys.filter((key) => key !== "terraform" && key !== "reason");
}

const operation: Operation = {
  id: 1,
  after: [],
  why: "",
  address: "container.web[1]",
  kind: "create-container",
  service: "web",
  number: 1,
  name: "shop-web-1",
  oneShot: false,
};
const plan: Plan = {
  project: "shop",
  engineId: "e",
  options: DEFAULT_PLAN_OPTIONS,
  changes: [
    {
      address: "container.web[1]",
      kind: "container",
      name: "web",
      index: 1,
      engineName: "shop-web-1",
      action: "create",
      reasons: [],
      method: undefined,
      downtime: undefined,
      deliveries: [],
      attributes: [],
      unchangedAttributes: 0,
      before: null,
      after: {},
    },
  ],
  unchanged: [],
  drift: [],
  operations: [operation],
  warnings: [],
};
const outcome = {
  done: [operation],
  failed: [],
  skipped: [],
  added: 1,
  changed: 0,
  destroyed: 0,
  rotations: [],
  downtimes: [],
  undone: [],
  toRollBack: [],
};

async function ours(): Promise<readonly Line[]> {
  const output = createOutput(false);
  const view = createStreamView(output, "4.0.0");
  view.planned(plan, { final: false });
  view.report({ type: "operation-started", operation });
  view.report({ type: "operation-completed", operation, elapsedMs: 1500, containerId: "abc" });
  await view.applied(plan, outcome);
  view.end();
  return parse(output.text());
}

describe("the -json stream", () => {
  it("has Terraform's message types and the keys of each", async () => {
    const terraform = parse(readFileSync(join(directory, "terraform/apply-stream.jsonl"), "utf8"));
    const theirs = new Map(terraform.map((line) => [line.type, line]));
    const lines = await ours();
    expect(lines.map(({ type }) => type)).toEqual([
      "version",
      "planned_change",
      "apply_start",
      "apply_complete",
      "change_summary",
      "outputs",
    ]);
    for (const line of lines) {
      const other = theirs.get(line.type)!;
      expect(keysOf(line)).toEqual(expect.arrayContaining(keysOf(other)));
      // What is created has no id yet; the first apply_start of the sample is a removal.
      if (line.type === "apply_start") continue;
      for (const key of ["hook", "change", "changes"]) {
        expect(keysOf(line[key])).toEqual(expect.arrayContaining(keysOf(other[key])));
      }
    }
  });

  it("counts what was done", async () => {
    expect((await ours()).find(({ type }) => type === "change_summary")).toMatchObject({
      "@message": "Apply complete! Resources: 1 added, 0 changed, 0 destroyed.",
      changes: { add: 1, change: 0, import: 0, remove: 0, operation: "apply" },
    });
  });

  it("is one line for each message, whatever is in it", () => {
    const message = { type: "log", "@level": "info", "@message": "two\nlines\u001b[2J" } as const;
    const line = encode(message, new Date(0));
    expect(line.trimEnd()).not.toMatch(/[\n\u001b]/);
    expect(Object.keys(parse(line)[0]!)).toEqual([
      "@level",
      "@message",
      "@module",
      "@timestamp",
      "type",
    ]);
  });

  it("tells each finding of an error, with its place", () => {
    const position = { file: "compose.yaml", line: 3, column: 5 };
    const one = new DsoError("compose-invalid", "bad", { hint: "mend it", position });
    const messages = diagnostics(combine([one, new DsoError("compose-invalid", "worse")]));
    expect(messages).toHaveLength(2);
    expect(messages[0]).toMatchObject({
      type: "diagnostic",
      "@level": "error",
      code: "compose-invalid",
      diagnostic: {
        severity: "error",
        summary: "bad",
        detail: "mend it",
        range: { filename: "compose.yaml", start: { line: 3, column: 5 } },
      },
    });
  });
});
