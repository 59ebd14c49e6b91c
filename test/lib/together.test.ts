import { expect, test } from "vitest";
import { abortable } from "../../src/lib/together.ts";

test("work that fails after somebody gave it up, or before it was waited for, ends no process", async () => {
  const unheard: unknown[] = [];
  const hear = (error: unknown): void => void unheard.push(error);
  process.on("unhandledRejection", hear);
  const given = AbortSignal.abort(new Error("enough"));
  await expect(abortable(Promise.reject(new Error("failed")), given)).rejects.toThrow("enough");
  const { promise, reject } = Promise.withResolvers<never>();
  await expect(abortable(promise, given)).rejects.toThrow("enough");
  reject(new Error("failed later"));
  await new Promise(setImmediate);
  process.off("unhandledRejection", hear);
  expect(unheard).toEqual([]);
});
