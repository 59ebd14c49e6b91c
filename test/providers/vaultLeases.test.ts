/** Leases of Vault while all goes well, and where they lie. */
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Tended } from "../../src/model/leases.ts";
import { askedFor } from "../../src/providers/vault/askedFor.ts";
import type { Certificate, Engine } from "../../src/providers/vault/engines.ts";
import { never } from "../reconciler/world.ts";
import {
  app,
  away,
  byRole,
  given,
  leasesOf,
  PASSWORD,
  read,
  renewed,
  told,
  withScene,
} from "./leaseScene.ts";

describe("a lease", () => {
  it("is told without a request, and issued once by however many ask at once", () =>
    withScene(given, async ({ open, asked }) => {
      const [one, other] = [open(), open()];
      expect([await told(one, app), await told(other, { ...app, pinned: "g1" })]).toEqual([
        "g1",
        "g1",
      ]);
      expect(asked()).toEqual([]);
      const users = await Promise.all([
        read(one, app),
        read(other, app),
        read(one, { ...app, pinned: "g1" }),
      ]);
      expect(users).toEqual(["user1", "user1", "user1"]);
      expect(asked().filter((line) => line.includes("creds"))).toHaveLength(1);
    }));

  it("is good while it is renewed in time, and due once it is given less", () =>
    withScene(given, async ({ open, asked, answers, at }) => {
      const provider = open();
      await read(provider, app);
      const tend = (): Promise<Tended> => leasesOf(provider).tend(never);
      const renewals = (): readonly string[] =>
        asked().filter((line) => line.startsWith("sys/leases/renew"));
      renewals();
      at(33);
      await tend();
      expect(renewals()).toEqual([]);
      for (const minutes of [41, 82, 123]) {
        at(minutes);
        expect((await tend()).faults).toEqual([]);
        expect(renewals()).toEqual(["sys/leases/renew by given-token"]);
        expect(await told(provider, app)).toBe("g1");
      }
      answers.renew = () => renewed(1200);
      at(164);
      await tend();
      expect(await told(provider, app)).toBe("g2");
      // It is had until its end by whoever has it, and asked for no more.
      expect(await told(provider, { ...app, pinned: "g1" })).toBe("g1");
      renewals();
      at(180);
      await tend();
      expect(renewals()).toEqual([]);
      at(185);
      expect(await told(provider, { ...app, pinned: "g1" })).toMatchObject({
        code: "secret-version-gone",
      });
    }));

  it("that nobody has renewed is replaced before it ends", () =>
    withScene(given, async ({ open, at }) => {
      const provider = open();
      await read(provider, app);
      at(49);
      expect(await told(provider, app)).toBe("g1");
      at(51);
      expect(await told(provider, app)).toBe("g2");
    }));

  it("is renewed for whoever reads it late, and good as it is where the store is away", () =>
    withScene(given, async ({ open, answers, asked, at }) => {
      const provider = open();
      await read(provider, app);
      answers.renew = away;
      at(45);
      expect(await read(provider, { ...app, pinned: "g1" })).toBe("user1");
      delete answers.renew;
      asked();
      expect(await read(provider, { ...app, pinned: "g1" })).toBe("user1");
      expect(asked()).toEqual(["sys/leases/renew by given-token"]);
      at(90);
      expect(await told(provider, app)).toBe("g1");
    }));
});

describe("while the store is away", () => {
  it("it is asked again and again, less and less often, and what is held stays", () =>
    withScene(given, async ({ open, answers, asked, at }) => {
      const provider = open();
      await read(provider, app);
      const tend = (): Promise<Tended> => leasesOf(provider).tend(never);
      answers.renew = away;
      asked();
      for (let second = 0; second < 120; second++) {
        at(41 + second / 60);
        await tend();
      }
      const tries = asked().length;
      expect(tries).toBeGreaterThan(5);
      expect(tries).toBeLessThan(12);
      expect(await told(provider, app)).toBe("g1");
      delete answers.renew;
      at(44);
      expect((await tend()).faults).toEqual([]);
      at(90);
      expect(await told(provider, app)).toBe("g1");
    }));

  it("nothing is issued, and nothing of it is left", () =>
    withScene(byRole, async ({ directory, open, answers, asked }) => {
      answers.creds = away;
      const provider = open();
      await expect(provider.read([app], never)).rejects.toMatchObject({
        code: "provider-unreachable",
      });
      expect(asked().at(-1)).toBe("auth/token/revoke-self by own-token-1");
      expect(await leasesOf(provider).list()).toEqual([]);
      const [home = ""] = await readdir(join(directory, "memory/leases"));
      expect(await readdir(join(directory, "memory/leases", home))).toEqual([]);
    }));
});

describe("where it lies", () => {
  it("no value and no token is on the disk, and in memory only its owner may read them", () =>
    withScene(byRole, async ({ directory, open }) => {
      await read(open(), app);
      const files = await readdir(join(directory, "state"));
      expect(files).toEqual(["leases-db.json"]);
      const text = await readFile(join(directory, "state", "leases-db.json"), "utf8");
      expect(text).toContain('"leaseId": "l2"');
      expect(text).not.toMatch(new RegExp(`${PASSWORD}|own-token|user2`));
      const below = await readdir(join(directory, "memory"), {
        recursive: true,
        withFileTypes: true,
      });
      const modes = await Promise.all(
        below.map(async (one) =>
          ((await stat(join(one.parentPath, one.name))).mode & 0o777).toString(8),
        ),
      );
      expect([...new Set(modes)].sort()).toEqual(["600", "700"]);
      expect(
        below
          .filter((one) => one.isFile())
          .map(({ name }) => name)
          .sort(),
      ).toEqual(["token", "values"]);
    }));

  it("what cannot be kept is given back at once", () =>
    withScene(given, async ({ directory, open, asked }) => {
      await writeFile(join(directory, "memory/leases"), "in the way");
      await expect(open().read([app], never)).rejects.toThrow();
      expect(asked().at(-1)).toBe("sys/leases/revoke by given-token");
      expect(await leasesOf(open()).list()).toEqual([]);
    }));

  it("a file that is none of ours is no empty one", () =>
    withScene(given, async ({ directory, open }) => {
      await mkdir(join(directory, "state"));
      await writeFile(join(directory, "state/leases-db.json"), "{}", { mode: 0o600 });
      await expect(open().versions([app], never)).rejects.toMatchObject({ code: "state-corrupt" });
    }));
});

it("a token that was given to us is never given back, and the lease is", () =>
  withScene(given, async ({ open, asked }) => {
    const provider = open();
    await read(provider, app);
    asked();
    const [lease] = await leasesOf(provider).list();
    expect(await leasesOf(provider).end(lease!, never)).toBe(true);
    await provider.close();
    expect(asked()).toEqual(["sys/leases/revoke by given-token"]);
    expect(await leasesOf(provider).list()).toEqual([]);
    expect(await told(provider, app)).toBe("g2");
  }));

it("what was read since it was listed is not given back", () =>
  withScene(given, async ({ open, at }) => {
    const provider = open();
    await read(provider, app);
    const [lease] = await leasesOf(provider).list();
    at(1);
    await read(provider, app);
    expect(await leasesOf(provider).end(lease!, never)).toBe(false);
    expect(await told(provider, app)).toBe("g1");
  }));

describe("what is asked for", () => {
  const web = { path: "web" };
  const engineOf = (role: Certificate): Engine => ({
    kind: "pki",
    roles: new Map([["web", role]]),
  });

  it("in other words is issued at once, and what was issued before can be had until its end", () =>
    withScene(given, async ({ open }) => {
      const before = open(engineOf({ common_name: "old.test", ttl: "1h" }));
      expect(await read(before, web)).toBe("user1");
      const same = open(engineOf({ ttl: "1h", common_name: "old.test" }));
      expect(await told(same, web)).toBe("g1");
      const after = open(engineOf({ common_name: "new.test", ttl: "1h" }));
      expect(await told(after, web)).toBe("g2");
      expect(await read(after, { ...web, pinned: "g1" })).toBe("user1");
      expect(await read(after, { ...web, pinned: "g2" })).toBe("user2");
      expect(await told(after, web)).toBe("g2");
    }));

  it("is not known of what an earlier release has issued: that is good", () =>
    withScene(given, async ({ directory, open, book }) => {
      const provider = open();
      await read(provider, app);
      const text = JSON.stringify(await book(), (key, value: unknown) =>
        key === "asked" ? undefined : value,
      );
      await writeFile(join(directory, "state/leases-db.json"), text, { mode: 0o600 });
      expect(await told(provider, app)).toBe("g1");
    }));

  it("of another server is nothing to the one that dso.yaml names now, which is sent no token of it", () =>
    withScene(byRole, async ({ open, asked, at, book }) => {
      await read(open(), app);
      const moved = open({ kind: "database" }, "http://elsewhere");
      expect(await told(moved, app)).toBe("g2");
      at(50);
      asked();
      expect(await leasesOf(moved).tend(never)).toEqual({ nextAt: undefined, faults: [] });
      const [held] = await leasesOf(moved).list();
      expect(await leasesOf(moved).end(held!, never)).toBe(true);
      expect(asked()).toEqual([]);
      expect((await book()).secrets["app"]?.records).toEqual([]);
    }));

  it("of another server, namespace or mount is something else", () => {
    const engine: Engine = { kind: "database" };
    const asked = { provider: "db", addr: new URL("http://v"), namespace: "a", mount: "m", engine };
    const others = [
      { addr: new URL("http://w") },
      { namespace: "b" },
      { mount: "n" },
      { engine: engineOf({}) },
    ];
    const hashes = [{}, ...others].map((other) => askedFor({ ...asked, ...other }, "app"));
    expect(new Set(hashes).size).toBe(5);
    expect(askedFor({ ...asked, mount: "/m/" }, "app")).toBe(hashes[0]);
  });
});
