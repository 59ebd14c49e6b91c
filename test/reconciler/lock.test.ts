import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DsoEvent } from "../../src/model/events.ts";
import { withProjectLock } from "../../src/reconciler/lock.ts";
import { startChild } from "../fixtures/child.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never } from "./world.ts";

const APPLY = { operation: "apply", timeoutMs: 0, report: (): void => undefined };
const PLAN = { ...APPLY, operation: "plan" };

describe("the lock of a project", () => {
  it("lets one work at a time, and names who does", async () => {
    await using directory = await temporaryDirectory();
    const { context } = await createWorld(directory.path);
    const answer = await withProjectLock(
      context,
      "shop",
      APPLY,
      async () => {
        const second = withProjectLock(context, "shop", PLAN, () => Promise.resolve(), never);
        await expect(second).rejects.toMatchObject({
          code: "locked",
          message: expect.stringMatching(/apply of project shop/) as string,
        });
        return "done";
      },
      never,
    );
    expect(answer).toBe("done");
  });

  it("is free for another project", async () => {
    await using directory = await temporaryDirectory();
    const { context } = await createWorld(directory.path);
    const inner = (): Promise<string> =>
      withProjectLock(context, "other", PLAN, () => Promise.resolve("both"), never);
    expect(await withProjectLock(context, "shop", APPLY, inner, never)).toBe("both");
  });

  it("is free again after a failure, which it passes on", async () => {
    await using directory = await temporaryDirectory();
    const { context } = await createWorld(directory.path);
    const fault = new Error("no luck");
    const failing = withProjectLock(context, "shop", APPLY, () => Promise.reject(fault), never);
    await expect(failing).rejects.toBe(fault);
    const again = withProjectLock(context, "shop", APPLY, () => Promise.resolve(1), never);
    expect(await again).toBe(1);
  });

  it("hands on the abort of its caller", async () => {
    await using directory = await temporaryDirectory();
    const { context } = await createWorld(directory.path);
    const caller = new AbortController();
    const work = (signal: AbortSignal): Promise<boolean> => {
      caller.abort();
      return Promise.resolve(signal.aborted);
    };
    expect(await withProjectLock(context, "shop", APPLY, work, caller.signal)).toBe(true);
  });

  it("is taken over from a process that was killed, which is told", async () => {
    await using directory = await temporaryDirectory();
    const { context } = await createWorld(directory.path);
    await using holder = startChild(
      "hold-lock.ts",
      join(context.paths.locksDir, "project-shop.lock"),
    );
    expect(await holder.line()).toMatch(/^held /);
    holder.process.kill("SIGKILL");
    await holder.ended();
    const events: DsoEvent[] = [];
    const report = (event: DsoEvent): void => void events.push(event);
    const work = () => Promise.resolve();
    await withProjectLock(context, "shop", { ...APPLY, report }, work, never);
    expect(events).toMatchObject([
      {
        type: "warning",
        code: "lock-taken-over",
        message: expect.stringContaining(`process ${holder.process.pid} of `) as string,
      },
    ]);
  });
});
