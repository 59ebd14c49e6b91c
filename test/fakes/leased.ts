/** A store that issues credentials, as much of it as the loop sees: a test says when one is over. */
import { DsoError } from "../../src/model/errors.ts";
import type { Lease, Leases } from "../../src/model/leases.ts";
import { requestKey, type SecretData, type SecretProvider } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import type { Version } from "../../src/model/version.ts";

export interface FakeLeased extends SecretProvider {
  readonly leases: Leases;
  /** What is held, by `path@version`. */
  readonly held: Map<string, Lease>;
  /** `path@version`, as they were given back. */
  readonly ended: string[];
  /** The path's newest one is to be replaced. */
  readonly due: (path: string) => void;
  /** Rejects whatever is asked of it from now on. */
  readonly fail: (error: DsoError | undefined) => void;
}

export function createFakeLeased(name: string, now: () => number): FakeLeased {
  const held = new Map<string, Lease>();
  const ended: string[] = [];
  const last = new Map<string, number>();
  const due = new Set<string>();
  let down: DsoError | undefined;
  const told = (path: string): Version => {
    const number = last.get(path) ?? 0;
    const isGood = !due.has(path) && held.has(`${path}@g${number}`);
    return `g${isGood ? number : number + 1}`;
  };
  const gone = (path: string, version: Version): DsoError =>
    new DsoError("secret-version-gone", `${path}@${version} was given back`);
  const read = (path: string, version: Version): SecretData | DsoError => {
    const key = `${path}@${version}`;
    if (!held.has(key)) {
      const next = (last.get(path) ?? 0) + 1;
      if (version !== `g${next}`) return gone(path, version);
      last.set(path, next);
      due.delete(path);
    }
    const lease = { path, version, newest: true, expiresAt: now() + 3_600_000, readAt: now() };
    held.set(key, lease);
    const values = new Map([["password", new Secret(Buffer.from(`password of ${key}`))]]);
    return { version, values };
  };
  const check = (): Promise<void> =>
    down === undefined ? Promise.resolve() : Promise.reject(down);
  return {
    ...{ name, held, ended },
    due: (path) => void due.add(path),
    fail: (error) => void (down = error),
    versions: (requests) =>
      Promise.resolve(
        new Map(
          requests.map((request) => {
            const { path, pinned } = request;
            const isThere =
              pinned === undefined || held.has(`${path}@${pinned}`) || pinned === told(path);
            return [requestKey(request), isThere ? (pinned ?? told(path)) : gone(path, pinned)];
          }),
        ),
      ),
    read: async (requests) => {
      await check();
      return new Map(
        requests.map((request) => [
          requestKey(request),
          read(request.path, request.pinned ?? told(request.path)),
        ]),
      );
    },
    leases: {
      list: () =>
        Promise.resolve(
          [...held.values()].map((lease) => ({
            ...lease,
            newest: lease.version === `g${last.get(lease.path) ?? 0}`,
          })),
        ),
      tend: () => Promise.resolve({ nextAt: undefined, faults: down === undefined ? [] : [down] }),
      end: async (lease) => {
        await check();
        const key = `${lease.path}@${lease.version}`;
        if (held.get(key)?.readAt !== lease.readAt) return false;
        held.delete(key);
        ended.push(key);
        return true;
      },
    },
    check: () => Promise.resolve({ ok: true }),
    close: () => Promise.resolve(),
  };
}
