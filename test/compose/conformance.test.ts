import { existsSync, readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { CASES, caseNames, runCase } from "./conformanceCases.ts";
import type { Verdict } from "./conformanceCases.ts";
import { DIFFERENCES } from "./differences.ts";

/** As many as there were; more may be recorded. */
const AT_LEAST = { matched: 854, refused: 317 };

if (!existsSync(CASES)) {
  throw new Error(`no conformance data at ${CASES}: set DSO_CONFORMANCE to its directory`);
}

describe("the loader does what Docker Compose does", () => {
  const groups = readdirSync(CASES);
  const verdicts = new Map<string, Verdict>();

  beforeAll(async () => {
    for (const id of groups.flatMap(caseNames)) verdicts.set(id, await runCase(id));
  }, 600_000);

  const of = (kind: Verdict["kind"]) =>
    [...verdicts].filter(([, verdict]) => verdict.kind === kind);

  test.each(groups)("%s", (group) => {
    const wrong = of("wrong")
      .filter(([id]) => id.startsWith(`${group}/`) && DIFFERENCES[id] === undefined)
      .map(([id, verdict]) => `${id}: ${verdict.kind === "wrong" ? verdict.why : ""}`);
    expect(wrong).toEqual([]);
  });

  test("every listed difference is one", () => {
    const listed = Object.keys(DIFFERENCES).toSorted();
    expect(
      of("wrong")
        .map(([id]) => id)
        .toSorted(),
    ).toEqual(listed);
  });

  test("it looked at all of them", () => {
    expect(of("matched").length).toBeGreaterThanOrEqual(AT_LEAST.matched);
    expect(of("refused").length).toBeGreaterThanOrEqual(AT_LEAST.refused);
  });
});
