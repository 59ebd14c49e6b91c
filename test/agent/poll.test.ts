/** An agent and a store that is asked over a network: polled, told of, away, back. */
import { describe, expect, it } from "vitest";
import type { LogRecord } from "../../src/agent/log.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { createCache } from "../../src/providers/cache/cache.ts";
import { createProviders } from "../../src/providers/registry.ts";
import { createFakeProvider, type FakeProvider } from "../fakes/provider.ts";
import { type Agency, until, withAgency } from "./agency.ts";
import { never, type World } from "../reconciler/world.ts";

const COMPOSE = `
name: shop
services:
  web: { image: "app:1", environment: { PASSWORD: "dso://vault:db#password" }, x-dso: { env: exposed } }
  job: { image: "app:1", environment: { KEY: "dso://vault:api" }, x-dso: { env: exposed } }
`;

interface Store {
  readonly calls: FakeProvider["calls"];
  /** The store is of no use, or answers again. */
  readonly away: (isAway: boolean) => void;
  /** Tells whoever listens that a path may have changed. */
  readonly hint: (path: string) => void;
  readonly listening: () => boolean;
}

/** With the project applied, and its secrets in a store of its own. */
async function withStore(
  vault: string,
  work: (agency: Agency, store: Store) => Promise<void>,
): Promise<void> {
  await withAgency(async (agency) => {
    const fake = createFakeProvider("vault", agency.secrets);
    let isAway = false;
    let hear: ((path: string) => void) | undefined;
    const refuse = (): void => {
      if (isAway) throw new DsoError("provider-unreachable", "nobody listens there");
    };
    const provider: SecretProvider = {
      ...fake,
      versions: async (requests, signal) => {
        const answers = await fake.versions(requests, signal);
        refuse();
        return answers;
      },
      read: async (requests, signal) => {
        refuse();
        return fake.read(requests, signal);
      },
      watch: (_paths, changed, signal) => {
        hear = changed;
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      },
    };
    const { clock } = agency.context;
    const limits = { ttlMs: 60_000, maxCacheBytes: 1000, maxSecretBytes: 1000 };
    const elapsed = { ...clock, elapsed: () => performance.now() };
    const cache = createCache({ clock: elapsed, limits, intervalMs: () => 3_600_000 });
    const around = cache.around(provider, { type: "vault", byValue: false, settings: {} });
    const open = new Map([["vault", () => Promise.resolve(around)]]);
    // A command closes what it has opened; here it is the agent's.
    const providers = { ...createProviders(open, "vault"), close: () => Promise.resolve() };
    Object.assign(agency.context, { cache, providers });
    await agency.write("compose.yaml", COMPOSE);
    const watch = "{ debounce_window: 20ms, polling_interval: 1h }";
    const stores = `{ vault: { addr: "https://v", ${vault} } }`;
    await agency.write("dso.yaml", `agent: { watch: ${watch} }\nproviders: ${stores}\n`);
    expect((await agency.dso("up", "-d"))[0]).toBe(0);
    await agency.start();
    await work(agency, {
      calls: fake.calls,
      away: (now) => (isAway = now),
      hint: (path) => hear?.(path),
      listening: () => hear !== undefined,
    });
  });
}

const hasPassword = (agency: Agency, password: string) => async (): Promise<boolean> => {
  const found = await agency.engine.inspectContainer("shop-web-1", never);
  return found?.config.Env.includes(`PASSWORD=${password}`) === true;
};

const versionsOf = (agency: Agency): World["secrets"][string] => agency.secrets["db"]!;

describe("an agent and its stores", () => {
  it("finds a new version by asking, and reads only that one", () =>
    withStore("polling_interval: 30ms", async (agency, { calls }) => {
      await until(() => calls.filter((call) => call === "versions api db").length > 2);
      const reads = calls.filter((call) => call.startsWith("read")).length;
      versionsOf(agency).push({ password: "two", user: "u" });
      await until(hasPassword(agency, "two"));
      expect(calls.filter((call) => call.startsWith("read")).slice(reads)).toEqual(["read db@2"]);
    }));

  it("asks as often as dso.yaml says for each secret", () =>
    withStore("polling_overrides: { 'd*': 30ms }", async (agency, { calls }) => {
      await until(() => calls.filter((call) => call === "versions db").length > 3);
      versionsOf(agency).push({ password: "two", user: "u" });
      await until(hasPassword(agency, "two"));
      expect(calls).not.toContain("versions api");
    }));

  it("asks at once where the store tells of a change, and only of what is used", () =>
    withStore("polling_interval: 1h", async (agency, { calls, hint, listening }) => {
      await until(listening);
      versionsOf(agency).push({ password: "two", user: "u" });
      hint("nobody/uses/this");
      hint("db");
      await until(hasPassword(agency, "two"));
      expect(calls.filter((call) => call.includes("nobody"))).toEqual([]);
    }));

  it("tells once that a store is away, keeps what runs right meanwhile, and rolls out what it missed", () =>
    withStore("polling_interval: 30ms", async (agency, { away }) => {
      const { records, engine } = agency;
      const said = (msg: string): number => records.filter((one) => one.msg === msg).length;
      const trouble = async (): Promise<unknown> =>
        (await (await agency.control()).status()).providers[0]?.trouble;
      await until(() => records.some(({ msg }) => msg.startsWith("Looked")));
      away(true);
      await until(() => said("nobody listens there") > 0);
      versionsOf(agency).push({ password: "two", user: "u" });
      await engine.removeContainer("shop-job-1", { force: true, volumes: false }, never);
      await until(async () => (await engine.inspectContainer("shop-job-1", never)) !== undefined);
      expect(await hasPassword(agency, "one")()).toBe(true);
      expect(await trouble()).toMatchObject({ code: "provider-unreachable" });
      expect(said("nobody listens there")).toBe(1);
      away(false);
      await until(hasPassword(agency, "two"));
      expect(said("Provider vault answers again")).toBe(1);
      expect(await trouble()).toBeUndefined();
    }));

  it("leaves alone what a command has rolled out before the next poll", () =>
    withStore("polling_interval: 1h", async (agency) => {
      await until(() => agency.records.some(({ msg }) => msg.startsWith("Looked")));
      versionsOf(agency).push({ password: "two", user: "u" });
      const { cache, providers } = agency.context;
      // A process of its own remembers nothing.
      const own = createFakeProvider("vault", agency.secrets);
      const open = createProviders(new Map([["vault", () => Promise.resolve(own)]]), "vault");
      Object.assign(agency.context, { cache: undefined, providers: open });
      await agency.dso("apply", "-auto-approve");
      Object.assign(agency.context, { cache, providers });
      expect(await hasPassword(agency, "two")()).toBe(true);
      // The one that the command's own changes have led to: it waits for the project's lock.
      const isAfterwards = ({ msg, causes }: LogRecord): boolean =>
        msg.startsWith("Looked") && (causes as readonly string[]).includes("engine");
      await until(() => agency.records.some(isAfterwards));
      expect(await hasPassword(agency, "two")()).toBe(true);
      expect(agency.records.filter(({ msg }) => msg.startsWith("Reconciled"))).toEqual([]);
    }));

  it("tells whoever waits that the store is away, and changes nothing", () =>
    withStore("polling_interval: 1h", async (agency, { away }) => {
      await until(() => agency.records.some(({ msg }) => msg.startsWith("Looked")));
      away(true);
      const [code, said] = await agency.dso("reconcile", "shop");
      expect(code).toBe(1);
      expect(said).toContain("nobody listens there");
    }));

  it("answers how it stands with each secret", () =>
    withStore("polling_interval: 30ms", async (agency, { calls }) => {
      await until(() => calls.filter((call) => call === "versions api db").length > 2);
      delete agency.secrets["api"];
      const [, before] = await agency.dso("status");
      expect(before).toMatch(
        /PROVIDER +TYPE +AGENT +STATE\nvault +vault +answered .* ago, 2 secrets/,
      );
      await until(async () => (await agency.dso("status"))[1].includes("its last version was 1"));
      const [code, uses] = await agency.dso("secret", "uses", "vault:db");
      expect(code).toBe(0);
      expect(uses).toMatch(/vault:db +vault +1 +there/);
      expect(uses).toMatch(/Asked by the agent: answered .* ago, 2 secrets\./);
      expect(uses).toMatch(/shop: web \(given version 1 at .*\)/);
      const [invalid, validated] = await agency.dso("validate");
      expect(invalid).toBe(1);
      expect(validated).toMatch(/vault:api +vault +- +vault has no secret "api"/);
    }));
});
