/** What differs in one container that may stay, and the small things that put it right. */
import type { DesiredService } from "../model/desired.ts";
import { COMPOSE, DSO } from "../model/labels.ts";
import type { Reason } from "../model/plan.ts";
import type { Expectation, Repair } from "./decision.ts";
import type { Instance } from "./inventory.ts";
import { isFinishedJob } from "./jobs.ts";
import { changedLimits } from "./limits.ts";
import { containerName, networkKeys, type NetworkStanding, type Situation } from "./situation.ts";

/** In the order in which they are made. */
export function repairsOf(
  situation: Situation,
  service: DesiredService,
  { container, number }: Instance,
  expected: Expectation,
): readonly Repair[] {
  const found: Repair[] = [
    ...memoryReasons(situation, service, container),
    ...byHand(situation, service, container, expected),
  ].map((reason) => ({ reason, step: undefined }));
  const name = containerName(situation, service, number);
  if (container.name !== name) {
    found.push({
      step: { kind: "rename", name },
      reason: modified(`it is named "${container.name}"`),
    });
  }
  if (container.state === "running" || container.state === "paused") {
    for (const key of detachedFrom(situation, service, container.networks)) {
      const reason = modified(`detached from network "${key}"`);
      found.push({ step: { kind: "connect", network: key }, reason });
    }
  }
  const state = stateRepair(situation, service, container);
  if (state !== undefined) found.push(state);
  else if (container.state === "running") {
    for (const reason of expected.restart.slice(0, 1)) {
      found.push({ step: { kind: "restart" }, reason });
    }
  }
  return found;
}

/**
 * What people change in a container that stands, where the files have not changed. It is
 * only told: Compose leaves it, too, and a proxy may need the network that it joined.
 */
function byHand(
  situation: Situation,
  service: DesiredService,
  container: Instance["container"],
  expected: Expectation,
): readonly Reason[] {
  if (!expected.hashes.has(container.labels[COMPOSE.configHash] ?? "")) return [];
  const detail = situation.observed.details.get(container.id);
  const limits = detail === undefined ? [] : changedLimits(service.model, detail.hostConfig);
  return [
    ...joinedNetworks(situation, service, container).map((name) =>
      modified(`attached to network "${name}"`),
    ),
    ...limits.map(modified),
  ];
}

/** Not those of the project that no service is in any more: the files have left these. */
function joinedNetworks(
  { observed, networks }: Situation,
  service: DesiredService,
  container: Instance["container"],
): readonly string[] {
  const keys = networkKeys(service);
  if (keys.length === 0) return [];
  const own = keys.map((key) => standingName(networks.get(key)));
  const others = container.networks.map(({ network }) => network).filter((n) => !own.includes(n));
  if (others.length === 0) return [];
  const standing = new Set([...networks.values()].map(standingName));
  const left = observed.networks.map(({ name }) => name).filter((name) => !standing.has(name));
  return others.filter((name) => !left.includes(name));
}

function standingName(standing: NetworkStanding | undefined): string | undefined {
  return standing === undefined || standing.kind === "missing" ? undefined : standing.network.name;
}

/** What it reads is gone with the host's memory, and so it cannot start again. */
export function memoryReasons(
  situation: Situation,
  service: DesiredService,
  container: Instance["container"],
): readonly Reason[] {
  const generation = container.labels[DSO.generation] ?? "";
  if (!situation.observed.lostGenerations.has(generation)) return [];
  if (isFinishedJob(situation, service, container)) return [];
  return [{ code: "secret_memory_lost", detail: undefined }];
}

function modified(detail: string): Reason {
  return { code: "drift_modified", detail };
}

function detachedFrom(
  situation: Situation,
  service: DesiredService,
  endpoints: Instance["container"]["networks"],
): readonly string[] {
  const attached = new Set(endpoints.map(({ networkId }) => networkId));
  return networkKeys(service).filter((key) => {
    const standing = situation.networks.get(key);
    return standing?.kind === "present" && !attached.has(standing.network.id);
  });
}

function stateRepair(
  situation: Situation,
  service: DesiredService,
  container: Instance["container"],
): Repair | undefined {
  const { state, exitCode } = container;
  if (state === "paused") {
    return { step: { kind: "unpause" }, reason: { code: "drift_paused", detail: undefined } };
  }
  if (state !== "exited" && state !== "created") return undefined;
  if (isFinishedJob(situation, service, container)) return undefined;
  const detail =
    state === "created" ? "never started" : `exited with ${exitCode ?? "no known code"}`;
  return { step: { kind: "start" }, reason: { code: "drift_stopped", detail } };
}
