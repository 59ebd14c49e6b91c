/** A lease through all that can happen to it: by a clock that goes on, a store that gives less, and what is lost. */
import {
  assert,
  type Arbitrary,
  constant,
  integer,
  oneof,
  property,
  record,
  array,
} from "fast-check";
import { expect, it } from "vitest";
import {
  extended,
  isAlive,
  isGood,
  isToRenew,
  type LeaseRecord,
  type Line,
  newestOf,
  nextLook,
  toldGeneration,
  turnIn,
  unrenewable,
  without,
  withRecord,
} from "../../src/providers/leases/terms.ts";

type Step =
  /** So much of the term goes by, in hundredths. */
  | { readonly kind: "wait"; readonly share: number }
  /** Somebody who wants it reads it; whoever is told the next one has it issued. */
  | { readonly kind: "read" }
  /** The agent looks: the store gives so much of what was asked for, in hundredths; or has none such. */
  | { readonly kind: "tend"; readonly share: number }
  | { readonly kind: "die" }
  | { readonly kind: "fix" }
  | { readonly kind: "reboot" }
  | { readonly kind: "sweep" };

const steps: Arbitrary<readonly Step[]> = array(
  oneof(
    record({ kind: constant("wait" as const), share: integer({ min: 0, max: 120 }) }),
    record({
      kind: constant("tend" as const),
      share: oneof(constant(100), integer({ min: 1, max: 99 })),
    }),
    ...(["read", "read", "die", "fix", "reboot", "sweep"] as const).map((kind) =>
      constant({ kind }),
    ),
  ),
  { minLength: 20, maxLength: 40 },
);

interface World {
  line: Line;
  now: number;
  readonly termMs: number;
  readonly renewable: boolean;
  readonly held: Set<string>;
  readonly issued: number[];
}

function issue({ line, now, termMs, renewable, held, issued }: World): Line {
  const generation = line.last + 1;
  const id = (generation * 7919).toString(16).padStart(32, "0");
  const made: LeaseRecord = {
    ...{
      id,
      place: "/m",
      generation,
      state: "live",
      leaseId: `l${generation}`,
      issuedAt: now,
      readAt: now,
    },
    ...{
      expiresAt: now + termMs,
      turnAt: turnIn(id, now, termMs),
      renewable,
      leaseMs: termMs,
      termMs,
    },
  };
  held.add(id);
  issued.push(generation);
  return withRecord(withRecord(line, { ...made, state: "issuing" }), made);
}

function step(world: World, what: Step): void {
  const { now, termMs, held } = world;
  const newest = newestOf(world.line);
  const isHeld = ({ id }: LeaseRecord): boolean => held.has(id);
  switch (what.kind) {
    case "wait":
      world.now += Math.floor((termMs * what.share) / 100);
      return;
    case "read":
      if (toldGeneration(world.line, now, isHeld) > world.line.last) world.line = issue(world);
      return;
    case "tend":
      for (const one of world.line.records.filter((each) => isToRenew(each, now))) {
        const next = extended(one, now, Math.floor((termMs * what.share) / 100));
        world.line = withRecord(world.line, next);
      }
      return;
    case "die":
      if (newest !== undefined) world.line = withRecord(world.line, { ...newest, state: "dead" });
      return;
    case "fix":
      if (newest !== undefined) world.line = withRecord(world.line, unrenewable(newest));
      return;
    case "reboot":
      held.clear();
      return;
    case "sweep": {
      const [oldest] = world.line.records;
      if (oldest !== undefined) world.line = without(world.line, oldest.id);
    }
  }
}

it("is told only while it can be had, and no generation is ever issued twice", () => {
  const worlds = record({
    ...{ steps, termMs: integer({ min: 3000, max: 10_000_000 }) },
    renewable: oneof(constant(true), constant(false)),
  });
  assert(
    property(worlds, ({ steps: all, termMs, renewable }) => {
      const world: World = {
        ...{ line: { last: 0, records: [] }, now: 1_800_000_000_000, termMs, renewable },
        ...{ held: new Set(), issued: [] },
      };
      let lastBefore = 0;
      for (const one of all) {
        step(world, one);
        const { line, now, held, issued } = world;
        const told = toldGeneration(line, now, ({ id }) => held.has(id));
        const newest = newestOf(line);
        const generations = line.records.map(({ generation }) => generation);
        // What is late, and renewed after all, is had again.
        holds("is told what is had or next", told === line.last || told === line.last + 1);
        holds("forgets no number", line.last >= lastBefore);
        holds("issues none twice", isAscending(issued) && isAscending(generations));
        if (told === line.last) holds("can be had", newest !== undefined && isAlive(newest, now));
        const isThere = newest !== undefined && held.has(newest.id) && isGood(newest, now);
        holds("is told while it is good", (told === line.last) === isThere);
        for (const record of line.records) expectInTime(record, now);
        lastBefore = line.last;
      }
    }),
  );
});

/** Somebody looks at it before it ends, and what is told of it then is the next one. */
function expectInTime(one: LeaseRecord, now: number): void {
  if (one.state !== "live") return;
  const next = nextLook(one, now) ?? 0;
  holds("turns before it ends", one.turnAt < one.expiresAt);
  holds("is replaced before it ends", !isGood(one, one.expiresAt - 1));
  if (now < one.expiresAt) holds("is looked at again", next > now);
  if (isGood(one, now) && now < one.turnAt) holds("is looked at in time", next === one.turnAt);
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((one, index) => index === 0 || one > numbers[index - 1]!);
}

function holds(what: string, isSo: boolean): void {
  if (!isSo) throw new Error(`does not hold: ${what}`);
}

it("that is given less than was asked for is due, and a second less is enough", () => {
  const { line, ...world } = { line: { last: 0, records: [] }, now: 0, termMs: 60_000 };
  const made = issue({ ...world, line, renewable: true, held: new Set(), issued: [] });
  const [one] = made.records;
  expect(extended(one!, 40_000, 60_000).state).toBe("live");
  expect(extended(one!, 40_000, 59_000).state).toBe("due");
});
