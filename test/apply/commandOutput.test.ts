/** Commands in containers that write more than anybody reads. */
import { expect, test } from "vitest";
import { tryCommand } from "../../src/apply/rollout/probe.ts";
import { createFakeEngine } from "../fakes/engine.ts";
import { never } from "./fixture.ts";

const MIB = 1024 * 1024;

/** What a command that writes these, one after the other, is said to have failed with; and what was kept. */
async function failing(pieces: readonly string[], scrub = (text: string): string => text) {
  const seen: number[] = [];
  const engine = {
    ...createFakeEngine(),
    exec: (...[, , streams]: Parameters<ReturnType<typeof createFakeEngine>["exec"]>) => {
      for (const piece of pieces) streams.output(Buffer.from(piece));
      return Promise.resolve(3);
    },
  };
  const look = (text: string): string => {
    seen.push(text.length);
    return scrub(text);
  };
  const limit = { name: "it", timeoutMs: 1000 };
  const request = { argv: ["write"], tty: false };
  const failure = await tryCommand({ engine, scrub: look }, "id", request, limit, never);
  return { failure, seen };
}

test("of a command that writes without an end only the beginning is kept", async () => {
  const { failure, seen } = await failing(["begun ", ...Array<string>(50).fill("x".repeat(MIB))]);
  expect(failure).toMatch(/^it ended with 3: begun x{1994}$/);
  expect(Math.max(...seen)).toBeLessThan(6 * MIB);
});

test("nothing is shown of what was cut off in the middle, however little is left before it", async () => {
  const pieces = ["-".repeat(4 * MIB - 6), "secret", "-value"];
  const { failure } = await failing(pieces, (text) => text.replaceAll("-", ""));
  expect(failure).toBe("it ended with 3");
});
