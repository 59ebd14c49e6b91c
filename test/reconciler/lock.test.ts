import { describe, expect, it } from "vitest";
import { withProjectLock } from "../../src/reconciler/lock.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never } from "./world.ts";

describe("the lock of a project", () => {
  it("lets one work at a time, and names who does", async () => {
    await using directory = await temporaryDirectory();
    const { context } = await createWorld(directory.path);
    const answer = await withProjectLock(
      context,
      "shop",
      "apply",
      0,
      async () => {
        const second = withProjectLock(context, "shop", "plan", 0, () => Promise.resolve(), never);
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
      withProjectLock(context, "other", "plan", 0, () => Promise.resolve("both"), never);
    expect(await withProjectLock(context, "shop", "apply", 0, inner, never)).toBe("both");
  });

  it("is free again after a failure, which it passes on", async () => {
    await using directory = await temporaryDirectory();
    const { context } = await createWorld(directory.path);
    const fault = new Error("no luck");
    const failing = withProjectLock(
      context,
      "shop",
      "apply",
      0,
      () => Promise.reject(fault),
      never,
    );
    await expect(failing).rejects.toBe(fault);
    const again = withProjectLock(context, "shop", "apply", 0, () => Promise.resolve(1), never);
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
    expect(await withProjectLock(context, "shop", "apply", 0, work, caller.signal)).toBe(true);
  });
});
