/** Leases of Vault while something is wrong: with the connection, with the database behind it, with our rights. */
import { rm, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { Book } from "../../src/providers/leases/terms.ts";
import {
  app,
  away,
  byRole,
  denied,
  endAll,
  given,
  json,
  leasesOf,
  noToken,
  read,
  tend,
  told,
  withScene,
} from "./leaseScene.ts";

const statesOf = ({ secrets }: Book): readonly string[] =>
  Object.values(secrets).flatMap(({ records }) => records.map(({ state }) => state));
const revocations = (asked: readonly string[]): readonly string[] =>
  asked.filter((line) => line.includes("revoke"));

describe("where the connection breaks while it is issued", () => {
  it("its token is kept, and taken back once the store answers again", () =>
    withScene(byRole, async ({ open, answers, asked, book }) => {
      Object.assign(answers, { creds: away, token: away });
      await expect(read(open(), app)).rejects.toMatchObject({ code: "provider-unreachable" });
      expect(statesOf(await book())).toEqual(["issuing"]);
      delete answers.creds;
      delete answers.token;
      asked();
      const next = open();
      expect((await tend(next)).faults).toEqual([]);
      expect(asked()).toEqual(["auth/token/revoke-self by own-token-1"]);
      expect(statesOf(await book())).toEqual([]);
      expect(await told(next, app)).toBe("g1");
    }));

  it("a lease of a token that was given to us is kept by its name, and given back, or ends", () =>
    withScene(given, async ({ directory, open, answers, asked, at, book }) => {
      const lost = async (): Promise<void> => {
        answers.revoke = away;
        await writeFile(`${directory}/memory/leases`, "in the way");
        await expect(read(open(), app)).rejects.toThrow();
        await rm(`${directory}/memory/leases`);
        expect(statesOf(await book())).toEqual(["issuing"]);
      };
      await lost();
      delete answers.revoke;
      asked();
      await tend(open());
      expect(revocations(asked())).toEqual(["sys/leases/revoke by given-token"]);
      expect(statesOf(await book())).toEqual([]);
      await lost();
      at(61);
      asked();
      await tend(open());
      expect([asked(), statesOf(await book())]).toEqual([[], []]);
    }));

  it("what is refused leaves nothing, though the token may not give itself back", () =>
    withScene(byRole, async ({ open, answers, book }) => {
      Object.assign(answers, { creds: denied, token: denied, lookup: denied });
      await expect(read(open(), app)).resolves.toMatchObject({ code: "secret-denied" });
      expect(statesOf(await book())).toEqual([]);
    }));
});

describe("a token of our own", () => {
  const needed = {
    code: "secret-denied",
    hint: expect.stringContaining('"auth/token/revoke-self"') as unknown,
  };

  it.each([
    { lookup: () => json(200, { data: { ttl: 60 } }), what: "that lives" },
    { lookup: denied, what: "that may not look itself up either" },
  ])("$what and may not give itself back is kept, and it is said what to grant", ({ lookup }) =>
    withScene(byRole, async ({ open, answers, at, book }) => {
      const provider = open();
      await read(provider, app);
      Object.assign(answers, { revoke: denied, token: denied, lookup });
      await expect(endAll(provider)).rejects.toMatchObject(needed);
      expect(statesOf(await book())).toEqual(["live"]);
      delete answers.token;
      at(11);
      expect(await endAll(provider)).toEqual([true]);
    }),
  );

  it("that is none any more has taken its lease along", () =>
    withScene(byRole, async ({ open, answers, book }) => {
      const provider = open();
      await read(provider, app);
      Object.assign(answers, { revoke: noToken, token: noToken, lookup: noToken });
      expect(await endAll(provider)).toEqual([true]);
      expect(statesOf(await book())).toEqual([]);
    }));

  it("whatever else the server says of it, nothing was given back", () =>
    withScene(byRole, async ({ open, answers, book }) => {
      const provider = open();
      await read(provider, app);
      answers.token = () => json(400, { errors: ["unsupported operation"] });
      await expect(endAll(provider)).rejects.toMatchObject({ code: "provider-unreachable" });
      expect(await leasesOf(provider).list()).toHaveLength(1);
      expect(statesOf(await book())).toEqual(["live"]);
    }));
});

it("what was only begun, and cannot be given back now, hinders nobody who has what is held", () =>
  withScene(byRole, async ({ open, answers, asked }) => {
    const provider = open();
    await read(provider, app);
    Object.assign(answers, { creds: away, token: away });
    await expect(read(provider, { path: "other" })).rejects.toThrow();
    expect(await read(provider, app)).toBe("user2");
    asked();
    await expect(read(provider, { path: "third" })).rejects.toThrow();
    expect(asked()).toEqual(["auth/token/revoke-self by own-token-3"]);
    answers.token = denied;
    answers.lookup = denied;
    delete answers.creds;
    expect(await read(provider, { path: "other" })).toBe("user6");
  }));

describe("a renewal", () => {
  it("that fails for now is tried again, and is told", () =>
    withScene(given, async ({ open, answers, at }) => {
      const provider = open();
      await read(provider, app);
      const said = "failed to renew entry: dial tcp: connection refused";
      answers.renew = () => json(400, { errors: [said] });
      at(41);
      const message = `provider "db" does not renew a lease: ${said}`;
      expect((await tend(provider)).faults).toMatchObject([
        { code: "provider-unreachable", message },
      ]);
      delete answers.renew;
      at(42);
      expect((await tend(provider)).faults).toEqual([]);
      at(80);
      expect(await told(provider, app)).toBe("g1");
    }));

  it("that there can be none of is not tried again: the next one is told", () =>
    withScene(given, async ({ open, answers, asked, at }) => {
      const provider = open();
      await read(provider, app);
      answers.renew = () => json(400, { errors: ["lease is not renewable"] });
      at(41);
      expect((await tend(provider)).faults).toEqual([]);
      asked();
      at(42);
      await tend(provider);
      expect(asked()).not.toContain("sys/leases/renew by given-token");
      expect(await told(provider, app)).toBe("g2");
    }));

  it.each([
    { lookup: noToken, version: "g2", what: "that is none any more: the next one is told" },
    { lookup: denied, version: "g1", what: "that may not see itself, and lives" },
    { lookup: () => json(400, {}), version: "g1", what: "of which nothing is known for now" },
  ])("by a token of our own $what", ({ lookup, version }) =>
    withScene(byRole, async ({ open, answers, at }) => {
      const provider = open();
      await read(provider, app);
      Object.assign(answers, { prolong: denied, lookup });
      at(41);
      await tend(provider);
      expect(await told(provider, app)).toBe(version);
    }),
  );
});

describe("a store that does not answer", () => {
  const roles = ["a", "b", "c", "d"];

  it("is asked for one renewal, and the one that has failed holds up none of the others", () =>
    withScene(given, async ({ open, answers, asked, at, book }) => {
      const provider = open();
      for (const path of roles) await read(provider, { path });
      const untilOf = async (): Promise<readonly number[]> =>
        Object.values((await book()).secrets).map(({ records }) => records[0]!.expiresAt);
      const before = await untilOf();
      const renewals = (): number => asked().filter((line) => line.includes("/renew")).length;
      answers.renew = away;
      at(41);
      renewals();
      expect((await tend(provider)).faults).toHaveLength(1);
      expect(renewals()).toBe(1);
      let count = 0;
      // The fourth is the one that failed: it fails on.
      answers.renew = () => (++count < roles.length ? json(200, { lease_duration: 3600 }) : away());
      at(42);
      expect((await tend(provider)).faults).toHaveLength(1);
      const renewed = (await untilOf()).map((at, index) => at > before[index]!);
      expect(renewed).toEqual([false, true, true, true]);
    }));

  it("is asked to take one back, and after a pause another", () =>
    withScene(given, async ({ open, answers, asked, at }) => {
      const provider = open();
      for (const path of roles) await read(provider, { path });
      answers.revoke = away;
      asked();
      await expect(endAll(provider)).rejects.toMatchObject({ code: "provider-unreachable" });
      expect(await endAll(provider)).toEqual([false, false, false, false]);
      expect(asked()).toHaveLength(1);
      delete answers.revoke;
      at(0.6 / 60);
      expect(await endAll(provider)).toEqual([false, true, true, true]);
      at(1);
      expect(await endAll(provider)).toEqual([true]);
    }));
});

it("a clock that is set back, or on, is no reason to renew later than a lease lasts", () =>
  withScene(given, async ({ open, answers, asked, at, setClock }) => {
    const provider = open();
    await read(provider, app);
    const renewals = async (): Promise<number> => {
      await tend(provider);
      return asked().filter((line) => line.startsWith("sys/leases/renew")).length;
    };
    asked();
    at(20);
    expect(await renewals()).toBe(0);
    setClock(-180);
    answers.renew = away;
    expect(await renewals()).toBe(1);
    delete answers.renew;
    at(21);
    expect([await renewals(), await renewals()]).toEqual([1, 0]);
    // An hour from then on.
    at(62);
    expect(await renewals()).toBe(1);
    setClock(0);
    at(63);
    expect([await renewals(), await told(provider, app)]).toEqual([1, "g1"]);
  }));
