/** Credentials of a real database, issued by a real OpenBao for a few seconds. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startChild } from "../fixtures/child.ts";
import { never } from "../reconciler/world.ts";
import { type LeaseScene, PASSWORD, type Process, startLeases } from "./leaseScene.ts";

let scene: LeaseScene;

beforeAll(async () => {
  scene = await startLeases();
});

afterAll(() => scene[Symbol.asyncDispose]());

/** Of an hour: it is to be renewed by then, and good for long enough whatever a slow machine does meanwhile. */
const TURN_MS = 45 * 60_000;

const letsIn = async (given: Readonly<Record<string, string>>): Promise<boolean> =>
  scene.postgres.lets(given["username"] ?? "", given["password"] ?? "");

/** What hangs on a token the server takes back a moment later. */
async function untilGone(isThere: () => Promise<boolean>): Promise<void> {
  while (await isThere()) await sleep(50);
}

/** Looks after them, as an agent does, until the version is another one. */
async function tendUntil(process: Process, path: string, version: string): Promise<void> {
  while ((await process.version(path)) !== version) {
    const { nextAt, faults } = await process.tend();
    expect(faults).toEqual([]);
    const ms = Math.min((nextAt ?? 0) - Date.now(), 250);
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

  it("that an operator has revoked is followed by the next", async () => {
    const process = await scene.open("operator", await scene.given("leases"));
    const first = await process.values("long");
    await scene.bao.root("PUT", "sys/leases/revoke-prefix/database/creds/long");
    expect(await letsIn(first)).toBe(false);
    process.pass(TURN_MS);
    await tendUntil(process, "long", "g2");
    expect(await letsIn(await process.values("long"))).toBe(true);
  });

  it("is not kept by whoever may not renew it, and says what to grant", async () => {
    const bare = { no_default_policy: true };
    const process = await scene.open("bare", await scene.given("issuing", bare));
    await process.values("long");
    process.pass(TURN_MS);
    const { faults } = await process.tend();
    expect(faults).toMatchObject([
      { code: "secret-denied", hint: expect.stringContaining('"sys/leases/renew"') as unknown },
    ]);
    expect(await process.version("long")).toBe("g2");
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
  it("and that is revoked ends the lease: the next one is told", async () => {
    const process = await scene.open("ended", await scene.user("leases"));
    const first = await process.values("long");
    await scene.bao.root("PUT", "sys/leases/revoke-prefix/auth/userpass", {});
    await untilGone(() => letsIn(first));
    process.pass(TURN_MS);
    await tendUntil(process, "long", "g2");
    expect(await letsIn(await process.values("long"))).toBe(true);
  });

  it("takes along what a process had issued that was killed before it could note it", async () => {
    const { stateDir, locksDir } = scene.placesOf("killed");
    const process = await scene.open("killed", await scene.user("leases"));
    // Those of other tests may end meanwhile.
    const before = new Set(await scene.postgres.users());
    const made = async (): Promise<readonly string[]> =>
      (await scene.postgres.users()).filter((user) => !before.has(user));
    const server = { engine: "database", addr: scene.bao.addr, tls: { ca_cert: scene.bao.caFile } };
    const settings = JSON.stringify({ ...server, password: PASSWORD });
    await using child = startChild("issue-lease.ts", stateDir, locksDir, scene.memory, settings);
    expect(await child.line()).toBe("issued");
    child.process.kill("SIGKILL");
    expect(await child.ended()).toBe("SIGKILL");
    expect(await made()).toHaveLength(1);
    expect(await process.version("long")).toBe("g1");
    expect((await process.tend()).faults).toEqual([]);
    await untilGone(async () => (await made()).length > 0);
    expect(await letsIn(await process.values("long", "g1"))).toBe(true);
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

it("a database that is away at the renewal: the lease can be renewed all the same", async () => {
  const process = await scene.open("unrenewed", await scene.given("leases"));
  await process.values("long");
  process.pass(TURN_MS);
  await scene.postgres.stop();
  try {
    expect((await process.tend()).faults).toMatchObject([{ code: "provider-unreachable" }]);
  } finally {
    await scene.postgres.start();
  }
  const { stateDir } = scene.placesOf("unrenewed");
  const text = await readFile(join(stateDir, "leases-db.json"), "utf8");
  expect(text).toContain('"renewable": true');
});

it("a token that may not give itself back: nothing is said to be given back", async () => {
  const process = await scene.open("mute", await scene.user("issuing", true));
  await process.values("long");
  await expect(process.end("g1")).rejects.toMatchObject({
    code: "secret-denied",
    hint: expect.stringContaining('"auth/token/revoke-self"') as unknown,
  });
  expect((await process.list()).map(({ version }) => version)).toEqual(["g1"]);
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
  await scene.bao.root("POST", "sys/mounts/pki", { type: "pki" });
  const other = await scene.open("wrong", auth, { mount_path: "pki" });
  const message = 'provider "db": the mount "pki" is of type pki, and not database';
  expect(await other.provider.check(never)).toMatchObject({ ok: false, error: { message } });
});

/** Each waits for the most of its time; that is long enough for a machine that stands still for seconds. */
describe.concurrent("while somebody looks after it", () => {
  it("a lease is renewed, replaced before its longest time is over, and given back", async () => {
    const process = await scene.open("life", await scene.given("leases"));
    const renewals = async (): Promise<number> =>
      (await scene.bao.asked()).filter((line) => line === "update sys/leases/renew").length;
    const before = await renewals();
    const first = await process.values("app");
    await tendUntil(process, "app", "g2");
    expect(await renewals()).toBeGreaterThan(before);
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

  it("a token that was given to us is renewed with what hangs on it, though nothing else is asked", async () => {
    const process = await scene.open("given", await scene.given("leases", { ttl: "9s" }));
    const first = await process.values("long");
    for (const until = Date.now() + 13_500; Date.now() < until;) {
      const { nextAt, faults } = await process.tend();
      expect(faults).toEqual([]);
      expect(nextAt).toBeLessThan(Date.now() + 4500);
      await sleep(200);
    }
    expect(await letsIn(first)).toBe(true);
  });

  it("a token that was logged in for stays as long as its lease, and takes it along, whatever the policy grants", async () => {
    const auth = await scene.user("issuing");
    const process = await scene.open("own", auth);
    const first = await process.values("brief");
    await process.provider.close();
    expect(await letsIn(first)).toBe(true);
    const next = await scene.open("own", auth);
    await sleep(10_500);
    expect((await next.tend()).faults).toEqual([]);
    await sleep(5500);
    expect(await letsIn(first)).toBe(true);
    expect(await next.end("g1")).toBe(true);
    await untilGone(() => letsIn(first));
  });

  it("a certificate is issued, held, and followed by the next before it expires; nobody takes it back", async () => {
    await scene.bao.root("POST", "sys/mounts/certificates", { type: "pki" });
    const root = { common_name: "ca.test", ttl: "24h" };
    await scene.bao.root("POST", "certificates/root/generate/internal", root);
    const role = {
      allowed_domains: ["test"],
      allow_subdomains: true,
      max_ttl: "1h",
      key_type: "ec",
      key_bits: 256,
    };
    await scene.bao.root("POST", "certificates/roles/web", role);
    const asked = {
      common_name: "web.test",
      alt_names: ["a.test", "b.test"],
      ip_sans: ["127.0.0.1"],
      ttl: "15s",
    };
    const more = { engine: "pki", mount_path: "certificates", roles: { web: asked } };
    const process = await scene.open("certificates", await scene.user("leases"), more);
    expect(await process.version("web")).toBe("g1");
    const first = await process.values("web");
    const certificate = new X509Certificate(first["certificate"] ?? "");
    expect(certificate.subject).toBe("CN=web.test");
    expect(certificate.subjectAltName).toContain("DNS:a.test, DNS:b.test, IP Address:127.0.0.1");
    expect(certificate.checkPrivateKey(createPrivateKey(first["private_key"] ?? ""))).toBe(true);
    expect(certificate.verify(new X509Certificate(first["issuing_ca"] ?? "").publicKey)).toBe(true);
    expect(first["ca_chain"]).toContain("BEGIN CERTIFICATE");
    expect(await process.values("web", "g1")).toEqual(first);
    await tendUntil(process, "web", "g2");
    expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.now());
    expect((await process.values("web"))["serial_number"]).not.toBe(first["serial_number"]);
    expect(await process.end("g1")).toBe(true);
    expect(
      (await scene.bao.asked()).filter((line) => line.includes("certificates/revoke")),
    ).toEqual([]);
    await expect(process.values("other")).rejects.toMatchObject({ code: "secret-missing" });
  });
});
