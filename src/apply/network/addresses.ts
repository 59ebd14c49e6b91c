import { join } from "node:path";
import type { Clock } from "../../model/ports.ts";
import { formatAddress, parseAddress, sizeOf, upperHalf, type Subnet } from "./cidr.ts";
import { createStateFile, type StateFile } from "../journal/stateFile.ts";

/** One address that we gave away. */
export interface Reservation {
  /** The engine's name of the network. */
  readonly network: string;
  readonly address: string;
  readonly service: string;
  /** The rotation whose container has it. */
  readonly rotation: string;
  /** Milliseconds since the epoch; null while the container has it. */
  readonly releasedAt: number | null;
}

export interface AddressRequest {
  readonly network: string;
  /** As the engine says it; addresses come from the upper half. */
  readonly subnet: Subnet;
  /** Addresses of running containers and gateways. */
  readonly inUse: ReadonlySet<string>;
  readonly service: string;
  readonly rotation: string;
}

/** Which addresses of our networks are given to whom, on disk. */
export interface Addresses {
  /** Undefined when none is free: the engine then picks one. */
  reserve(project: string, request: AddressRequest): Promise<string | undefined>;
  release(project: string, rotation: string): Promise<void>;
  /** Releases what belongs to none of these rotations: somebody else removed the container. */
  keepOnly(project: string, rotations: ReadonlySet<string>): Promise<void>;
}

/**
 * Clients may hold an answer of the engine's name server for its whole time to
 * live; until then the address must not lead to another service.
 */
export const REST_MS = 600_000;

type ReservationFile = StateFile<readonly Reservation[]>;

/** One readable file per project, `addresses-<project>.json`; writers hold the project's lock. */
export function createAddresses(directory: string, clock: Clock): Addresses {
  const files = new Map<string, ReservationFile>();
  const fileOf = (project: string): ReservationFile => {
    const path = join(directory, `addresses-${project}.json`);
    const file =
      files.get(project) ?? createStateFile({ path, empty: [], parse: readReservations });
    files.set(project, file);
    return file;
  };
  return {
    async reserve(project, request) {
      let address: string | undefined;
      await fileOf(project).update((reservations) => {
        const current = prune(reservations, clock.now());
        address = allocate(request, current);
        return address === undefined ? current : give(current, request, address);
      });
      return address;
    },
    release: (project, rotation) =>
      releaseWhere(fileOf(project), clock, (one) => one.rotation === rotation),
    keepOnly: (project, rotations) =>
      releaseWhere(fileOf(project), clock, (one) => !rotations.has(one.rotation)),
  };
}

async function releaseWhere(
  file: ReservationFile,
  clock: Clock,
  which: (one: Reservation) => boolean,
): Promise<void> {
  const held = (one: Reservation): boolean => one.releasedAt === null && which(one);
  if (!(await file.read()).some(held)) return;
  await file.update((all) =>
    prune(all, clock.now()).map((one) => (held(one) ? { ...one, releasedAt: clock.now() } : one)),
  );
}

/** The first address of the upper half that nobody has and no other service had lately. */
export function allocate(
  request: AddressRequest,
  reservations: readonly Reservation[],
): string | undefined {
  const blocked = new Set(request.inUse);
  for (const one of reservations) {
    const ownAndFree = one.service === request.service && one.releasedAt !== null;
    if (one.network === request.network && !ownAndFree) blocked.add(one.address);
  }
  const used = new Set([...blocked].flatMap((text) => parseAddress(text)?.value ?? []));
  const { family, first, prefix } = upperHalf(request.subnet);
  // The last address of an IPv4 subnet is its broadcast address.
  const end = first + sizeOf({ family, prefix }) - 1n;
  for (let value = first; value < end; value++) {
    if (!used.has(value)) return formatAddress(family, value);
  }
  return undefined;
}

function give(
  reservations: readonly Reservation[],
  request: AddressRequest,
  address: string,
): readonly Reservation[] {
  const { network, service, rotation } = request;
  const others = reservations.filter((one) => one.network !== network || one.address !== address);
  return [...others, { network, address, service, rotation, releasedAt: null }];
}

/** Drops what has rested long enough. What was released later than now was so before somebody set the clock back. */
function prune(reservations: readonly Reservation[], now: number): readonly Reservation[] {
  return reservations
    .map((one) =>
      one.releasedAt !== null && one.releasedAt > now ? { ...one, releasedAt: now } : one,
    )
    .filter((one) => one.releasedAt === null || now - one.releasedAt < REST_MS);
}

function readReservations(document: unknown): readonly Reservation[] {
  if (!Array.isArray(document)) throw new Error("a list of reservations was expected");
  return document.map((entry: unknown, index) => {
    if (!isReservation(entry)) throw new Error(`entry ${index + 1} is no reservation`);
    return entry;
  });
}

function isReservation(entry: unknown): entry is Reservation {
  if (typeof entry !== "object" || entry === null) return false;
  const one = entry as Partial<Record<keyof Reservation, unknown>>;
  return (
    [one.network, one.address, one.service, one.rotation].every((t) => typeof t === "string") &&
    (one.releasedAt === null || typeof one.releasedAt === "number")
  );
}
