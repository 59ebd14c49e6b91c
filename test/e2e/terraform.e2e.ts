/** Programs that read Terraform's plans and streams read ours. */
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHome, ROOT, type Home, type Project, type Result } from "./cli.ts";
import { ensureTestImage } from "./image.ts";

const SAMPLES = join(
  process.env["DSO_CONFORMANCE"] ?? join(ROOT, "../shared/conformance"),
  "terraform",
);
const VALUE = "terraform-value-0815";

const BEFORE = `
services:
  web:
    image: dso-test/http:1
    scale: 2
    environment: { LOG: info, PASSWORD_FILE: "dsofile://shop/password", URL: "x:{{dso://shop/password}}" }
    healthcheck: { test: [CMD, "true"], interval: 1s }
    x-dso: { env: exposed }
  db: { image: dso-test/busybox:1, volumes: ["data:/data"] }
  old: { image: dso-test/busybox:1 }
volumes: { data: }
`;
const AFTER = BEFORE.replace("LOG: info", "LOG: debug").replace(/ {2}old: .*\n/, "");

type Fields = Readonly<Record<string, unknown>>;
type Message = Fields & { readonly type: string };

let home: Home;
let project: Project;
/** What was streamed while the project was made, planned again and changed. */
const streams: Record<"made" | "planned" | "changed", readonly Message[]> = {
  made: [],
  planned: [],
  changed: [],
};
let shown: string;

beforeAll(async () => {
  for (const kind of ["base", "http"] as const) await ensureTestImage(kind);
  home = await createHome();
  await home.setSecret("shop/password", VALUE);
  project = await home.project({ "compose.yaml": BEFORE }, "terraform");
  streams.made = messages(await project.dso("apply -auto-approve -json"));
  await project.write("compose.yaml", AFTER);
  streams.planned = messages(await project.dso("plan -json -out=changes.plan"));
  shown = (await project.dso("show -json changes.plan")).stdout;
  await project.write("plan.json", shown);
  streams.changed = messages(await project.dso("apply -json changes.plan"));
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

describe("terraform-compliance on `show -json`", () => {
  const scenario = (type: string, image: string): string =>
    `  Scenario: Every ${type} comes from ${image}
    Given I have ${type} defined
    Then it must have image
    And its value must match the "^${image}" regex
`;

  async function comply(name: string, text: string, status: number): Promise<string> {
    await project.write(`${name}/policy.feature`, `Feature: What may run here\n\n${text}`);
    const args = ["--no-ansi", "-f", join(project.dir, name), "-p", join(project.dir, "plan.json")];
    const environment = { GIT_PYTHON_REFRESH: "quiet" };
    return (await home.run(compliance(), args, { environment, status })).stdout;
  }

  it("passes a policy that the plan keeps, for what changes and what stays", async () => {
    const text = await comply("kept", scenario("container", "dso-test/"), 0);
    expect(text).toMatch(/1 scenarios \(1 passed\)/);
    expect(text).toMatch(/3 steps \(3 passed\)/);
  });

  it("fails a policy that the plan breaks, naming the containers that break it", async () => {
    const text = await comply("broken", scenario("container", "dso-test/http"), 1);
    expect(text).toMatch(/1 scenarios \(0 passed, 1 failed\)/);
    expect(text).toContain("container.db[1]");
    expect(text).not.toContain("container.web[1] resource does not match");
  });
});

describe("`show -json`", () => {
  interface Document {
    readonly resource_changes: readonly {
      readonly address: string;
      readonly change: {
        readonly actions: readonly string[];
        readonly before: Fields;
        readonly after: Fields;
      };
    }[];
  }

  it("is one line that says per resource what is done", () => {
    expect(shown.trimEnd()).not.toContain("\n");
    const { resource_changes: changes } = JSON.parse(shown) as Document;
    expect(
      changes.map(({ address, change }) => `${address} ${change.actions.join(" ")}`).sort(),
    ).toEqual([
      "container.db[1] no-op",
      "container.old[1] delete",
      "container.web[1] create delete",
      "container.web[2] create delete",
      "network.default no-op",
      "volume.data no-op",
    ]);
  });

  it("differs before and after in nothing but what changes", () => {
    const { resource_changes: changes } = JSON.parse(shown) as Document;
    const web = changes.find(({ address }) => address === "container.web[1]")?.change;
    const { id, ...before } = web?.before ?? {};
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const environment = { ...(before["environment"] as Fields), LOG: "debug" };
    expect({ ...before, environment }).toEqual(web?.after);
  });

  it("holds references and versions, and no value", () => {
    expect(shown).toContain("dsofile://shop/password @1");
    expect(shown).not.toContain(VALUE);
  });
});

describe("the -json streams", () => {
  /** Of Terraform's stream; `provision_…` and `ephemeral_…` have no counterpart. */
  const TYPES = [
    ...["version", "log", "diagnostic", "resource_drift", "planned_change", "change_summary"],
    ...["outputs", "refresh_start", "refresh_complete"],
    ...["apply_start", "apply_progress", "apply_complete", "apply_errored"],
  ];

  it.each(Object.keys(streams))("have Terraform's message types alone (%s)", (name) => {
    const stream = streams[name as keyof typeof streams];
    expect(stream[0]?.type).toBe("version");
    expect(stream.filter(({ type }) => !TYPES.includes(type))).toEqual([]);
  });

  it("have every type of the samples that is not about reading the state", async () => {
    const [plan, apply] = await Promise.all([samples("plan-stream"), samples("apply-stream")]);
    const types = (stream: readonly Message[]): string[] =>
      [...new Set(stream.map(({ type }) => type))].filter(
        (type) => !/^(refresh_|log|diagnostic)/.test(type),
      );
    expect(types(streams.planned)).toEqual(types(plan));
    expect(types(streams.changed).filter((type) => type !== "apply_progress")).toEqual(
      types(apply),
    );
  });

  it("have the fields of the samples in every message, and others under our name alone", async () => {
    const theirs = [...(await samples("plan-stream")), ...(await samples("apply-stream"))];
    const ours = Object.values(streams).flat();
    for (const type of new Set(theirs.map((message) => message.type))) {
      const shape = fieldsOf(theirs.filter((message) => message.type === type));
      for (const message of ours.filter((one) => one.type === type)) {
        const fields = [...fieldsOf([message]).all];
        expect([type, ...[...shape.always].filter((field) => !fields.includes(field))]).toEqual([
          type,
        ]);
        const own = fields.filter((field) => !shape.all.has(field) && !/(^|\.)dso/.test(field));
        expect([type, ...own]).toEqual([type]);
      }
    }
  });

  it("name actions and levels as Terraform does, and count what was done", () => {
    const ours = Object.values(streams).flat();
    const parts = ours.flatMap(({ change, hook }) => [change, hook] as (Fields | undefined)[]);
    const actions = new Set(parts.flatMap((part) => part?.["action"] ?? []));
    const theirs: readonly unknown[] = ["create", "read", "update", "replace", "delete"];
    expect([...actions].filter((action) => !theirs.includes(action))).toEqual([]);
    expect([...new Set(ours.map((one) => one["@level"]))].sort()).toEqual(["info", "warn"]);
    const last = streams.changed.find(({ type }) => type === "change_summary");
    expect(last?.["changes"]).toEqual({
      add: 2,
      change: 0,
      import: 0,
      remove: 3,
      operation: "apply",
    });
  });

  it("tell the warnings of the plan", () => {
    const warned = streams.made.find(({ type }) => type === "diagnostic");
    expect(warned?.["diagnostic"]).toMatchObject({
      severity: "warning",
      summary: expect.stringContaining('service "web" gets a value in its environment') as string,
      range: { filename: `${project.dir}/compose.yaml`, start: { line: 6 } },
    });
  });

  it("hold no value", () => {
    expect(JSON.stringify(streams)).not.toContain(VALUE);
  });
});

/** The path of terraform-compliance; script/test sets it, because a private engine has no way out. */
function compliance(): string {
  const script = join(ROOT, "script/terraform-compliance");
  return process.env.DSO_TERRAFORM_COMPLIANCE ?? execFileSync(script, { encoding: "utf8" }).trim();
}

function messages({ stdout }: Result): readonly Message[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Message);
}

async function samples(name: string): Promise<readonly Message[]> {
  const file = join(SAMPLES, `${name}.jsonl`);
  return messages({ status: 0, stdout: await readFile(file, "utf8"), stderr: "" });
}

/** Dotted names of all fields, and of those that every message has; the product's own version apart. */
function fieldsOf(list: readonly Message[]): {
  readonly all: ReadonlySet<string>;
  readonly always: ReadonlySet<string>;
} {
  const sets = list.map((message) => new Set(namesIn(message)));
  const all = new Set(sets.flatMap((set) => [...set]));
  return { all, always: new Set([...all].filter((name) => sets.every((set) => set.has(name)))) };
}

function namesIn(value: unknown, prefix = ""): readonly string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value)
    .filter(([key]) => key !== "terraform")
    .flatMap(([key, part]) =>
      key.startsWith("dso") ? [prefix + key] : [prefix + key, ...namesIn(part, `${prefix}${key}.`)],
    );
}
