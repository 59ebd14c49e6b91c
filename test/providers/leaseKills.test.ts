/** A process that is killed before or after any step of a lease's life, and the next one that goes on. */
import { expect, test } from "vitest";
import type { Leases } from "../../src/model/leases.ts";
import { requestKey, type SecretProvider } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import type { HttpAnswer, HttpRequest } from "../../src/providers/http.ts";
import type { Kept, Ledger, LeaseStore } from "../../src/providers/leases/store.ts";
import { type Book, EMPTY } from "../../src/providers/leases/terms.ts";
import { createLeasedProvider } from "../../src/providers/vault/leased.ts";
import type { Login } from "../../src/providers/vault/login.ts";
import { never } from "../reconciler/world.ts";

const MINUTE = 60_000;
const LOGINS: Readonly<Record<string, Login>> = {
  own: { method: "approle", mount: "approle", body: () => Promise.resolve({}) },
  given: { method: "token", token: () => Promise.resolve(new Secret(Buffer.from("given"))) },
};

/** What outlives a process: the server, the disk and the memory of the machine. */
interface Machine {
  now: number;
  /** What a renewal is given, seconds. */
  gives: number;
  count: number;
  /** By lease, the token that it hangs on. */
  readonly alive: Map<string, string>;
  book: Book;
  readonly memory: Map<string, Kept>;
}

const createMachine = (): Machine => ({
  ...{ now: Date.UTC(2026, 0, 1), gives: 3600, count: 0, alive: new Map() },
  ...{ book: EMPTY, memory: new Map() },
});

/** Runs a step of a process, or never comes back from it. */
type Step = <T>(work: () => T) => Promise<T>;

/** All steps from the nth on are never begun; with `after`, the nth is done, and nobody hears of it. */
function mortal(nth: number, when: "before" | "after") {
  const { promise: died, resolve: die } = Promise.withResolvers<"killed">();
  let count = 0;
  const step: Step = async (work) => {
    await Promise.resolve();
    count++;
    if (count < nth) return work();
    if (count === nth && when === "after") work();
    die("killed");
    return new Promise(() => undefined);
  };
  return { died, step };
}

const living: Step = async (work) => Promise.resolve(work());

function answerOf(machine: Machine, { url, headers = {}, body }: HttpRequest): HttpAnswer {
  const json = (answer: object): HttpAnswer => ({
    ...{ status: 200, headers: {}, body: Buffer.from(JSON.stringify(answer)) },
  });
  const path = url.pathname.replace("/v1/", "");
  const token = headers["X-Vault-Token"] ?? "";
  const { lease_id: lease = "" } = JSON.parse(body ?? "{}") as { readonly lease_id?: string };
  const name = `${++machine.count}`;
  switch (path) {
    case "auth/approle/login":
      return json({ auth: { client_token: `t${name}`, lease_duration: 360_000, renewable: true } });
    case "database/creds/app": {
      machine.alive.set(`l${name}`, token);
      const data = { username: `u${name}`, password: "p" };
      return json({ lease_id: `l${name}`, lease_duration: 3600, renewable: true, data });
    }
    case "sys/leases/renew":
      return json({ lease_duration: machine.gives });
    case "sys/leases/revoke":
      machine.alive.delete(lease);
      return json({});
    case "auth/token/revoke-self":
      for (const [one, by] of machine.alive) if (by === token) machine.alive.delete(one);
      return json({});
    default:
      return json({ auth: { lease_duration: 360_000 }, data: { ttl: 0 } });
  }
}

function storeOf(machine: Machine, step: Step): LeaseStore {
  const key = (id: string, part: string): string => `${id}/${part}`;
  const copy = (kept: Kept): Kept =>
    new Map([...kept].map(([name, one]) => [name, new Secret(Buffer.from(one.reveal()))]));
  const ledger: Ledger = {
    get book() {
      return machine.book;
    },
    write: (book) => step(() => void (machine.book = book)),
    place: () =>
      step(() => ({ id: (++machine.count).toString(16).padStart(32, "0"), place: "/m" })),
    keep: ({ id }, part, kept) => step(() => void machine.memory.set(key(id, part), copy(kept))),
    kept: ({ id }, part) =>
      step(() => {
        const found = machine.memory.get(key(id, part));
        return found && copy(found);
      }),
    erase: ({ id }) =>
      step(() => {
        for (const part of ["values", "token"]) machine.memory.delete(key(id, part));
      }),
  };
  return {
    look: () => Promise.resolve(machine.book),
    isHeld: ({ id }) => machine.memory.has(key(id, "values")),
    // One process at a time is all that there is here, and one that was killed has given its lock back.
    change: (_, work, signal) => work(ledger, signal),
  };
}

function processOf(machine: Machine, login: Login, step: Step) {
  const provider: SecretProvider = createLeasedProvider({
    ...{ provider: "db", addr: new URL("http://v"), namespace: undefined, mount: "database" },
    ...{ engine: { kind: "database" }, login, store: storeOf(machine, step) },
    http: {
      request: (request) => step(() => answerOf(machine, request)),
      close: () => undefined,
    },
    clock: { elapsed: () => machine.now, now: () => machine.now },
  });
  const leases = provider.leases as Leases;
  const path = "app";
  return {
    leases,
    read: async (): Promise<unknown> => {
      const told = (await provider.versions([{ path }], never)).get(path) as string;
      const request = { path, pinned: told };
      return (await provider.read([request], never)).get(requestKey(request));
    },
    giveBackOlder: async (): Promise<void> => {
      for (const lease of await leases.list()) if (!lease.newest) await leases.end(lease, never);
    },
  };
}

/** Issued, renewed, due, replaced, and the first one given back. */
async function live(machine: Machine, login: Login, step: Step): Promise<"done"> {
  const { leases, read, giveBackOlder } = processOf(machine, login, step);
  await read();
  machine.now += 41 * MINUTE;
  await leases.tend(never);
  machine.now += 41 * MINUTE;
  machine.gives = 1200;
  await leases.tend(never);
  machine.gives = 3600;
  await read();
  await giveBackOlder();
  return "done";
}

const cases = (["own", "given"] as const).flatMap((token) =>
  (["before", "after"] as const).map((when) => ({ token, when })),
);

test.each(cases)("killed $when any step, with a token that is $token", async ({ token, when }) => {
  const login = LOGINS[token]!;
  let unknown = 0;
  let nth = 0;
  for (let ended = "killed"; ended === "killed";) {
    nth++;
    const machine = createMachine();
    const { died, step } = mortal(nth, when);
    ended = await Promise.race([died, live(machine, login, step)]);
    const next = processOf(machine, login, living);
    await next.leases.tend(never);
    expect(await next.read(), `step ${nth}`).toMatchObject({
      version: expect.anything() as unknown,
    });
    await next.giveBackOlder();
    const [only, ...more] = await next.leases.list();
    expect([only?.newest, more], `step ${nth}`).toEqual([true, []]);
    const left = Object.values(machine.book.secrets).flatMap(({ records }) => records);
    expect(machine.alive.has(left[0]!.leaseId), `step ${nth}`).toBe(true);
    const orphans = [...machine.memory.keys()].filter((name) => !name.startsWith(left[0]!.id));
    expect(orphans, `step ${nth}`).toEqual([]);
    unknown += machine.alive.size - 1;
  }
  expect(nth).toBeGreaterThan(token === "own" ? 25 : 20);
  // Nothing tells a given token's leases that nobody could note: those between the answer and the note.
  if (token === "own") expect(unknown).toBe(0);
  else expect(unknown).toBeLessThanOrEqual(6);
});
