/** The executor's ports, in memory. */
import type { Addresses } from "../../src/apply/network/addresses.ts";
import type { Journal } from "../../src/apply/journal/journal.ts";
import type { Delivery, DeliveryRequest, Shim } from "../../src/model/delivery.ts";
import type { Rotation } from "../../src/model/journal.ts";
import type { Random } from "../../src/model/ports.ts";
import type { RunningProgram } from "../../src/model/providerPrograms.ts";
import { Secret } from "../../src/model/secret.ts";

export function countingRandom(from: number): Random {
  let count = from * 1000;
  return { hex: (bytes) => (++count).toString(16).padStart(bytes * 2, "0") };
}

export function fakeDelivery(generations: Map<string, DeliveryRequest>): Delivery {
  let count = 0;
  /** Of those that were refreshed, all that they held, the oldest first. */
  const versions = new Map<string, readonly (DeliveryRequest | undefined)[]>();
  const given = new Map<string, string[]>();
  // The executor drops its secrets; what was written stays.
  const remember = (id: string, { files, parts }: DeliveryRequest): void => {
    const texts = [...files.map(({ content }) => content), ...parts].map((one) => one.reveal());
    given.set(id, [...(given.get(id) ?? []), ...texts.map((bytes) => bytes.toString("utf8"))]);
  };
  return {
    ensureRoom: () => Promise.resolve(),
    async deliver(request) {
      const id = `ab${(++count).toString(16).padStart(14, "0")}`;
      remember(id, request);
      generations.set(id, request);
      const [Source, Target] = [`/memory/${id}/files`, "/run/secrets"];
      const bind = { Type: "bind", Source, Target, ReadOnly: true } as const;
      return Promise.resolve({ id, mounts: [bind], grade: "file" as const, warnings: [] });
    },
    async refresh(id, request) {
      remember(id, request);
      const known = versions.get(id) ?? [generations.get(id)];
      versions.set(id, [...known, request]);
      generations.set(id, request);
      return Promise.resolve();
    },
    reading: async (id) => {
      const request = generations.get(id);
      const known = versions.get(id);
      const index = known === undefined ? 0 : known.lastIndexOf(request);
      return Promise.resolve(request === undefined ? undefined : `..${index + 1}`);
    },
    async revert(id, files) {
      const known = versions.get(id) ?? [generations.get(id)];
      const former = known[Number(files.slice(2)) - 1];
      if (former === undefined) throw new Error(`${id} has no files ${files}`);
      generations.set(id, former);
      return Promise.resolve();
    },
    async manifest(id) {
      const request = generations.get(id);
      if (request === undefined) return Promise.resolve(undefined);
      const { project, service, number, versions } = request;
      const told = { v: 1, generation: id, project, service, number, versions } as const;
      return Promise.resolve({ ...told, createdAt: "2026-01-01T00:00:00Z", files: [] });
    },
    known: async (id) =>
      Promise.resolve((given.get(id) ?? []).map((text) => new Secret(Buffer.from(text)))),
    manifests: () => Promise.resolve(new Map()),
    lost: (sources) =>
      Promise.resolve(new Set([...sources.keys()].filter((id) => !generations.has(id)))),
    async drop(id) {
      generations.delete(id);
      return Promise.resolve();
    },
    async sweep(project, owned) {
      const loose = [...generations].filter(
        ([id, request]) => request.project === project && !owned.has(id),
      );
      for (const [id] of loose) generations.delete(id);
      return Promise.resolve(loose.map(([id]) => id));
    },
  };
}

/** `running` holds the programs of provider services, by project and service. */
export function fakeJournal(
  rotations: Map<string, Rotation>,
  running = new Map<string, Readonly<Record<string, RunningProgram>>>(),
): Journal {
  return {
    programs: (project) => Promise.resolve(running.get(project) ?? {}),
    noteProgram: async ({ project, service, verb }, process) => {
      const others = Object.entries(running.get(project) ?? {}).filter(
        ([name]) => name !== service,
      );
      const own = process === undefined ? [] : [[service, { verb, ...process }] as const];
      running.set(project, Object.fromEntries([...others, ...own]));
      return Promise.resolve();
    },
    projects: () =>
      Promise.resolve([...new Set([...rotations.values()].map(({ project }) => project))]),
    list: (project) =>
      Promise.resolve([...rotations.values()].filter((one) => one.project === project)),
    async write(rotation) {
      // What is on disk must not be the object that the run goes on to change.
      rotations.set(rotation.id, structuredClone(rotation));
      return Promise.resolve();
    },
    async remove(_project, ids) {
      for (const id of ids) rotations.delete(id);
      return Promise.resolve();
    },
  };
}

export function fakeAddresses(): Addresses {
  return {
    reserve: () => Promise.resolve(undefined),
    release: () => Promise.resolve(),
    keepOnly: () => Promise.resolve(),
  };
}

/** A release that has the shim, put nowhere. */
export function fakeShim(has = true): Shim {
  return {
    has: () => has,
    isThere: () => true,
    place: () => Promise.resolve("/home/.dso/shims/shim-amd64"),
  };
}
