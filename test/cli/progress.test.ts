import { describe, expect, it } from "vitest";
import { createLines } from "../../src/cli/render/lines.ts";
import { createLive } from "../../src/cli/render/live.ts";
import { createStyle } from "../../src/cli/render/style.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { DsoEvent } from "../../src/model/events.ts";
import type { Operation } from "../../src/model/plan.ts";
import { createOutput } from "../fakes/session.ts";

const base = { after: [], why: "" };
const create: Operation = {
  ...base,
  id: 1,
  address: "container.web[1]",
  kind: "create-container",
  service: "web",
  number: 1,
  name: "shop-web-1",
  oneShot: false,
};
const replace: Operation = {
  ...base,
  id: 2,
  address: "container.db[1]",
  kind: "replace-container",
  service: "db",
  number: 1,
  name: "shop-db-1",
  method: "stop-first",
  oldId: "0123456789abcdef",
  oldName: "shop-db-1",
  expectedDowntimeMs: 4000,
};

const error = new DsoError("container-exited", "it died");
const done: DsoEvent = {
  type: "operation-completed",
  operation: create,
  elapsedMs: 12_300,
  containerId: "fedcba9876543210",
};

describe("progress as lines", () => {
  it("has Terraform's words", () => {
    const output = createOutput(false);
    let now = 0;
    const lines = createLines(output, createStyle(false), () => now);
    lines.report({ type: "operation-started", operation: create });
    lines.report({ type: "operation-started", operation: replace });
    lines.report({ type: "rotation-step", operation: replace, rotation: "r", step: "stop-old" });
    lines.tick((now = 9000));
    lines.tick((now = 10_000));
    lines.tick((now = 11_000));
    lines.report(done);
    lines.report({ type: "downtime", operation: replace, ms: 1234 });
    lines.report({ type: "operation-failed", operation: replace, elapsedMs: 13_000, error });
    lines.tick((now = 60_000));
    expect(output.text()).toBe(`container.web[1]: Creating...
container.db[1]: Replacing (stop-first)... [id=0123456789ab]
container.db[1]: stopping the old container
container.web[1]: Still creating... [10s elapsed]
container.db[1]: Still replacing... [10s elapsed]
container.web[1]: Creation complete after 12s [id=fedcba987654]
container.db[1]: Did not serve for 1.2 s
container.db[1]: Failed after 13s
`);
  });

  it("shows a container's last words without what steers a terminal", () => {
    const output = createOutput(false);
    const lines = createLines(output, createStyle(false), () => 0);
    lines.report({ type: "container-log", operation: create, lines: ["\u001b[2Jbye"] });
    expect(output.text()).toBe("container.web[1] | \\u001b[2Jbye\n");
  });
});

describe("progress on a terminal", () => {
  it("rewrites what runs, below what is done", () => {
    const output = createOutput(true);
    let now = 0;
    const live = createLive(output, createStyle(false), () => now);
    live.report({ type: "operation-started", operation: create });
    live.report({ type: "operation-started", operation: replace });
    now = 2000;
    live.report({ type: "rotation-step", operation: replace, rotation: "r", step: "await-health" });
    expect(screen(output.text())).toEqual([
      "container.web[1]: Creating... [2s elapsed]",
      "container.db[1]: Replacing (stop-first)... [id=0123456789ab] waiting until it serves [2s elapsed]",
    ]);
    live.report(done);
    now = 3000;
    live.tick(now);
    expect(screen(output.text())).toEqual([
      "container.web[1]: Creation complete after 12s [id=fedcba987654]",
      "container.db[1]: Replacing (stop-first)... [id=0123456789ab] waiting until it serves [3s elapsed]",
    ]);
    live.end();
    expect(screen(output.text())).toHaveLength(1);
  });

  it("draws no more lines than it can reach again", () => {
    const output = createOutput(true);
    const live = createLive({ ...output, rows: 5 }, createStyle(false), () => 0);
    for (let id = 1; id <= 20; id++) {
      live.report({ type: "operation-started", operation: { ...create, id } });
    }
    expect(screen(output.text())).toHaveLength(3);
  });
});

/** What stands on the screen after the terminal has followed "n lines up" and "clear below". */
function screen(text: string): readonly string[] {
  const lines: string[] = [];
  for (const part of text.split(/(\u001b\[\d+A\r\u001b\[0J)/)) {
    const up = /^\u001b\[(\d+)A/.exec(part)?.[1];
    if (up !== undefined) lines.splice(lines.length - Number(up));
    else
      lines.push(
        ...part
          .replace(/\u001b\[\?7[lh]/g, "")
          .split("\n")
          .filter((line) => line !== ""),
      );
  }
  return lines;
}
