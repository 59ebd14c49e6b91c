import type { Delivery } from "../../model/delivery.ts";
import type { RestartPolicy } from "../../model/engine.ts";
import { DsoError } from "../../model/errors.ts";
import type {
  Rotation,
  RotationMember,
  RotationStatus,
  RotationStep,
} from "../../model/journal.ts";
import { DSO } from "../../model/labels.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Clock, Engine, Sockets } from "../../model/ports.ts";
import type { Addresses } from "../network/addresses.ts";
import type { Journal } from "./journal.ts";

/** What finishing or undoing a rotation needs, also long after the run that began it. */
export interface RotationTools {
  readonly engine: Engine;
  readonly delivery: Delivery;
  readonly journal: Journal;
  readonly addresses: Addresses;
  readonly clock: Clock;
  readonly sockets: Sockets;
}

/** The journal entry of one rotation while it moves on. */
export interface RotationLog {
  readonly now: Rotation;
  /** On disk when it resolves; only then the step may be done. */
  step(step: RotationStep, change?: Partial<Rotation>): Promise<void>;
  /** Notes what was learnt within a step, on disk with the next one: what can be found out again. */
  learn(change: Partial<Rotation>): void;
  /** Notes it at once. */
  note(change: Partial<Rotation>): Promise<void>;
  end(status: RotationStatus, error?: DsoError): Promise<void>;
}

export function openLog(
  tools: Pick<RotationTools, "journal" | "clock">,
  rotation: Rotation,
  onStep: (step: RotationStep) => void = () => undefined,
): RotationLog {
  let now = rotation;
  const write = async (change: Partial<Rotation>): Promise<void> => {
    const next = { ...now, ...change, updatedAt: timestamp(tools) };
    await tools.journal.write(next);
    // What could not be noted is not done, and is not to be undone.
    now = next;
  };
  return {
    get now() {
      return now;
    },
    async step(step, change = {}) {
      await write({ ...change, step });
      onStep(step);
    },
    learn: (change) => {
      now = { ...now, ...change };
    },
    note: write,
    end: (status, error) => write(ended(status, error)),
  };
}

function ended(status: RotationStatus, error: DsoError | undefined): Partial<Rotation> {
  return {
    status,
    ...(status === "completed" ? { step: "done" } : {}),
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
  };
}

/**
 * The same log for who undoes: a full disk does not hold it up. Told by ids, what was undone without a
 * note is found undone, and what was not is begun again.
 */
export function undeterred(log: RotationLog): RotationLog {
  const without = async (writing: Promise<void>, change: Partial<Rotation>): Promise<void> => {
    try {
      await writing;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      log.learn(change);
    }
  };
  return {
    get now() {
      return log.now;
    },
    step: (step, change) => without(log.step(step, change), { ...change, step }),
    learn: (change) => {
      log.learn(change);
    },
    note: (change) => without(log.note(change), change),
    end: (status, error) => without(log.end(status, error), ended(status, error)),
  };
}

/** Notes a failure whose remains stay; false where a full disk forbids it, so that recovery took them away. */
export async function isNotedAsFailed(log: RotationLog, error: DsoError): Promise<boolean> {
  try {
    await log.end("failed", error);
    return true;
  } catch (thrown) {
    if (!isDiskFull(thrown)) throw thrown;
    return false;
  }
}

export function isDiskFull(error: unknown): boolean {
  return error instanceof DsoError && error.code === "disk-full";
}

export function timestamp({ clock }: Pick<RotationTools, "clock">): string {
  return new Date(clock.now()).toISOString();
}

/** What must be known of a container to put it back as it is now. */
export function memberOf(container: ContainerDetail): RotationMember {
  return {
    id: container.id,
    name: container.name,
    restartPolicy: policyOf(container),
    running: container.state === "running" || container.state === "restarting",
    generation: container.labels[DSO.generation],
    endpoints: container.networks.map(({ network, aliases, ipv4, ipv6, options }) => ({
      ...{ network, aliases, ipv4, ipv6 },
      ...(options === undefined ? {} : { options }),
    })),
  };
}

function policyOf({ hostConfig }: Pick<ContainerDetail, "hostConfig">): RestartPolicy {
  const { Name, MaximumRetryCount } = hostConfig.RestartPolicy ?? { Name: "" };
  // The engine shows a count of 0 for policies that have none, and refuses it back with some.
  const named: RestartPolicy = { Name: Name === "" ? "no" : Name };
  return Name === "on-failure" && MaximumRetryCount !== undefined
    ? { ...named, MaximumRetryCount }
    : named;
}

/** `wanted`, or with the rotation's id behind it where that name is somebody's. */
export async function freeName(
  { engine }: Pick<RotationTools, "engine">,
  wanted: string,
  rotation: Pick<Rotation, "id">,
  signal: AbortSignal,
): Promise<string> {
  const holder = await engine.inspectContainer(wanted, signal);
  return holder?.name === wanted ? `${wanted}-${rotation.id}` : wanted;
}

/** The rotation's new container: by its id, else by its label, where the id was never noted. */
export async function findNew(
  { engine }: Pick<RotationTools, "engine">,
  rotation: Rotation,
  signal: AbortSignal,
): Promise<ContainerDetail | undefined> {
  const id = rotation.new?.id;
  if (id !== undefined) return engine.inspectContainer(id, signal);
  const [row] = await engine.listContainers({ label: `${DSO.rotation}=${rotation.id}` }, signal);
  return row === undefined ? undefined : engine.inspectContainer(row.id, signal);
}

export async function findOld(
  { engine }: Pick<RotationTools, "engine">,
  rotation: Rotation,
  signal: AbortSignal,
): Promise<ContainerDetail | undefined> {
  const id = rotation.old?.id;
  return id === undefined ? undefined : engine.inspectContainer(id, signal);
}

export function aborted(): DsoError {
  return new DsoError("aborted", "stopped on request", {
    hint: "What had begun was undone; run the command again to go on.",
  });
}

/** Stopped at once: nothing was undone. */
export function abandoned(): DsoError {
  return new DsoError("aborted", "stopped at once, on request", {
    hint: "What had begun is finished or undone by the next run.",
  });
}

/** Where a run may end early: between two steps. */
export function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw aborted();
}
