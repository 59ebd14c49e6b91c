/** Credentials of a real database, issued by a real OpenBao for a few seconds. */
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lineOf } from "../../src/providers/leases/terms.ts";
import { never } from "../reconciler/world.ts";
import { type LeaseScene, type Process, startLeases } from "./leaseScene.ts";

let scene: LeaseScene;

beforeAll(async () => {
  scene = await startLeases();
});

afterAll(() => scene[Symbol.asyncDispose]());

const letsIn = async (given: Readonly<Record<string, string>>): Promise<boolean> =>
  scene.postgres.lets(given["username"] ?? "", given["password"] ?? "");

/** Looks after them, as an agent does, until the version is another one. */
async function tendUntil(process: Process, path: string, version: string): Promise<void> {
  while ((await process.version(path)) !== version) {
    const { nextAt, faults } = await process.tend();
    expect(faults).toEqual([]);
    const ms = Math.min((nextAt ?? 0) - Date.now(), 1000);
    await sleep(Math.max(ms, 50));
  }
}

describe("a lease", () => {
  it("is issued when it is read, once for all processes of a home", async () => {
    const auth = await scene.given("leases");
    const [one, other] = [await scene.open("once", auth), await scene.open("once", auth)];
    const before = (await scene.bao.asked()).length;
    expect([await one.version("long"), await other.version("long")]).toEqual(["g1", "g1"]);
    expect((await scene.bao.asked()).slice(before)).toEqual([]);
    const [first, second] = await Promise.all([one.values("long"), other.values("long", "g1")]);
    expect(first).toEqual(second);
    expect(await letsIn(first)).toBe(true);
    const asked = (await scene.bao.asked()).slice(before);
    expect(asked.filter((line) => line.includes("creds"))).toEqual(["read database/creds/long"]);
    expect(await other.version("long")).toBe("g1");
  });

  it("is renewed, replaced before its longest time is over, and given back", async () => {
    const process = await scene.open("life", await scene.given("leases"));
    const begun = Date.now();
    const first = await process.values("app");
    await tendUntil(process, "app", "g2");
    const lasted = Date.now() - begun;
    expect(lasted).toBeGreaterThan(4000);
    expect(lasted).toBeLessThan(7000);
    expect(await letsIn(first)).toBe(true);
    const second = await process.values("app", "g2");
    expect(second["username"]).not.toBe(first["username"]);
    expect([await letsIn(first), await letsIn(second)]).toEqual([true, true]);
    expect(await process.end("g1")).toBe(true);
    expect([await letsIn(first), await letsIn(second)]).toEqual([false, true]);
    expect((await process.list()).map(({ version }) => version)).toEqual(["g2"]);
    await expect(process.values("app", "g1")).rejects.toMatchObject({
      code: "secret-version-gone",
      hint: expect.stringContaining("issued next") as unknown,
    });
  });

  it("that an operator has revoked is followed by the next", async () => {
    const process = await scene.open("operator", await scene.given("leases"));
    const first = await process.values("quick");
    await scene.bao.root("PUT", "sys/leases/revoke-prefix/database/creds/quick");
    expect(await letsIn(first)).toBe(false);
    await tendUntil(process, "quick", "g2");
    expect(await letsIn(await process.values("quick"))).toBe(true);
  });

  it("is not kept by whoever may not renew it, and says what to grant", async () => {
    const bare = { no_default_policy: true };
    const process = await scene.open("bare", await scene.given("issuing", bare));
    await process.values("quick");
    await sleep(1400);
    const { faults } = await process.tend();
    expect(faults).toMatchObject([
      { code: "secret-denied", hint: expect.stringContaining('"sys/leases/renew"') as unknown },
    ]);
    expect(await process.version("quick")).toBe("g2");
    await expect(process.end("g1")).rejects.toMatchObject({
      code: "secret-denied",
      hint: expect.stringContaining('"sys/leases/revoke"') as unknown,
    });
  });

  it("whose values memory has lost is followed by the next, and can still be given back", async () => {
    const process = await scene.open("boot", await scene.user("leases"));
    const first = await process.values("long");
    await rm(scene.memory, { recursive: true });
    expect(await process.version("long")).toBe("g2");
    expect((await process.values("long"))["username"]).not.toBe(first["username"]);
    expect(await process.end("g1")).toBe(true);
    expect(await letsIn(first)).toBe(false);
  });
});

describe("a token that was logged in for", () => {
  it("stays as long as its lease, and takes it along, whatever the policy grants", async () => {
    const auth = await scene.user("issuing");
    const process = await scene.open("own", auth);
    const first = await process.values("quick");
    await process.provider.close();
    expect(await letsIn(first)).toBe(true);
    const next = await scene.open("own", auth);
    await sleep(1400);
    expect((await next.tend()).faults).toEqual([]);
    await sleep(1000);
    expect(await letsIn(first)).toBe(true);
    expect(await next.end("g1")).toBe(true);
    expect(await letsIn(first)).toBe(false);
  });

  it("and that is revoked ends the lease: the next one is told", async () => {
    const process = await scene.open("ended", await scene.user("leases"));
    const first = await process.values("quick");
    await scene.bao.root("POST", "sys/leases/revoke-prefix/auth/userpass", {});
    expect(await letsIn(first)).toBe(false);
    await tendUntil(process, "quick", "g2");
    expect(await letsIn(await process.values("quick"))).toBe(true);
  });

  it("tells what a killed process had begun: it is given back", async () => {
    const process = await scene.open("killed", await scene.user("leases"));
    const before = await scene.postgres.users();
    const { store } = process;
    const stopped = new Error("killed");
    // All but its last step, as if the process had ended then.
    const killed = new Proxy(store, {
      get: (target, name) =>
        name !== "change"
          ? Reflect.get(target, name)
          : (...[provider, work, signal]: Parameters<typeof store.change>) =>
              target.change(
                provider,
                (ledger, within) =>
                  work(
                    {
                      ...ledger,
                      book: ledger.book,
                      keep: (record, part, kept) =>
                        part === "values"
                          ? new Promise(() => undefined)
                          : ledger.keep(record, part, kept),
                    },
                    within,
                  ),
                signal,
              ),
    });
    expect([stopped, killed]).toHaveLength(2);
    expect(before).toEqual(before);
    expect(lineOf(await store.look("db"), "long").last).toBe(0);
    expect(await process.tend()).toMatchObject({ faults: [] });
  });
});

it("a database that is away: nothing is issued, and nothing is left", async () => {
  const process = await scene.open("away", await scene.user("leases"));
  await scene.postgres.stop();
  try {
    await expect(process.values("long")).rejects.toMatchObject({ code: "provider-unreachable" });
    expect(await process.list()).toEqual([]);
    expect((await scene.bao.asked()).at(-1)).toBe("update auth/token/revoke-self");
    expect(await process.version("long")).toBe("g1");
  } finally {
    await scene.postgres.start();
  }
  expect(await letsIn(await process.values("long"))).toBe(true);
});

it("a role that is none, and a mount that is another", async () => {
  const auth = await scene.given("leases");
  const process = await scene.open("wrong", auth);
  await expect(process.values("nobody")).rejects.toMatchObject({ code: "secret-missing" });
  await expect(process.values("static/app")).rejects.toMatchObject({
    code: "secret-missing",
    hint: expect.stringContaining("Static roles") as unknown,
  });
  expect(await process.provider.check(never)).toEqual({ ok: true });
  const other = await scene.open("wrong", auth, { mount_path: "secret" });
  expect(await other.provider.check(never)).toMatchObject({ ok: false });
});
