import type { EndpointConfig } from "../../model/engine.ts";
import { DsoError, withPosition } from "../../model/errors.ts";
import type { ObservedEndpoint } from "../../model/observed.ts";
import type { Operation, OperationOf, Plan } from "../../model/plan.ts";
import type { ApplyContext, FormerNetwork, Outcome, Work } from "../context.ts";
import { failureOf, isDeclined } from "../failure.ts";
import { tidyIfPossible } from "../undone.ts";

/** By key, the networks that the plan removes and makes again. */
export async function rememberNetworks(
  plan: Plan,
  { engine }: Pick<ApplyContext, "engine">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, FormerNetwork>> {
  const former = new Map<string, FormerNetwork>();
  for (const { network: key, after } of ofKind(plan, "create-network")) {
    const removal = ofKind(plan, "remove-network").find(({ id }) => after.includes(id));
    if (removal === undefined) continue;
    const id = removal.networkId;
    const shown = await engine.inspectNetwork(id, signal);
    if (shown === undefined) continue;
    const leaving = ofKind(plan, "disconnect-network").filter(({ networkId }) => networkId === id);
    const members = [];
    for (const { containerId: container } of leaving) {
      const detail = await engine.inspectContainer(container, signal);
      const endpoint = detail?.networks.find(({ networkId }) => networkId === id);
      if (endpoint !== undefined) members.push({ container, endpoint: configOf(endpoint) });
    }
    former.set(key, { id, body: shown.body, members });
  }
  return former;
}

function ofKind<K extends Operation["kind"]>(plan: Plan, kind: K): readonly OperationOf<K>[] {
  return plan.operations.filter((one): one is OperationOf<K> & Operation => one.kind === kind);
}

function configOf({ aliases, ipv4, ipv6, options }: ObservedEndpoint): EndpointConfig {
  return {
    ...options,
    Aliases: aliases,
    IPAMConfig: {
      ...(ipv4 === undefined ? {} : { IPv4Address: ipv4 }),
      ...(ipv6 === undefined ? {} : { IPv6Address: ipv6 }),
    },
  };
}

/** Does what is still to be done, so that it may be called wherever the work ended. */
async function restore(
  { engine, force }: Work,
  { id, body, members }: FormerNetwork,
): Promise<void> {
  const standing = await engine.inspectNetwork(id, force);
  const network = standing?.id ?? (await engine.createNetwork(body, force));
  for (const { container, endpoint } of members) {
    const detail = await engine.inspectContainer(container, force);
    if (detail === undefined || detail.networks.some((one) => one.networkId === network)) continue;
    await engine.connectNetwork(network, container, endpoint, force);
  }
}

/**
 * Who was not replaced, after all, is on the networks that were made anew as it was on the former ones:
 * the container `only`, or all that are still there.
 */
export async function reconnect(work: Work, only?: string): Promise<void> {
  for (const former of work.former.values()) {
    const members = former.members.filter(
      ({ container }) => only === undefined || container === only,
    );
    for (const member of members) await join(work, former, member);
  }
}

/**
 * Whoever was on the former network serves on its successor until it is replaced, or for good. Where the
 * files fix addresses on it, one of which an old container could take, it waits for its own replacement.
 */
export async function serveOn(work: Work, key: string): Promise<void> {
  const former = work.former.get(key);
  if (former === undefined) return;
  const fixes = [...work.desired.services.values()].some(({ model }) => {
    const { ipv4_address, ipv6_address } = model.networks?.[key] ?? {};
    return ipv4_address !== undefined || ipv6_address !== undefined;
  });
  const leaving = new Set(
    work.plan.operations.flatMap((one) =>
      one.kind === "replace-container"
        ? one.oldId
        : one.kind === "remove-container"
          ? one.containerId
          : [],
    ),
  );
  for (const member of former.members) {
    if (fixes && leaving.has(member.container)) continue;
    // Else its address may be the next one's by the time that it has to come back.
    const endpoint = fixes ? member.endpoint : withoutAddress(member.endpoint);
    await tidyIfPossible(work, () => join(work, former, { ...member, endpoint }));
  }
}

function withoutAddress(endpoint: EndpointConfig): EndpointConfig {
  return { ...endpoint, IPAMConfig: {} };
}

/** Puts a container on the network that is there now. Its address may lie in a subnet that is no more. */
async function join(
  { engine, force }: Work,
  { body }: FormerNetwork,
  { container, endpoint }: FormerNetwork["members"][number],
): Promise<void> {
  const standing = await engine.inspectNetwork(body.Name, force);
  const detail = await engine.inspectContainer(container, force);
  if (standing === undefined || detail === undefined) return;
  if (detail.networks.some(({ networkId }) => networkId === standing.id)) return;
  try {
    await engine.connectNetwork(standing.id, container, endpoint, force);
  } catch (error) {
    if (!isDeclined(error)) throw error;
    await engine.connectNetwork(standing.id, container, withoutAddress(endpoint), force);
  }
}

/** The engine refused the network: puts its predecessor back, and gives the error that tells of both. */
export async function restoredInstead(work: Work, key: string, thrown: unknown): Promise<unknown> {
  const { positions } = work.desired.project;
  const error = failureOf(thrown, work.scrubber, work.force);
  const position = positions.at(["networks", key]);
  const former = work.former.get(key);
  if (former === undefined || work.force.aborted) return withPosition(error, position);
  const message = `network ${former.body.Name} could not be made anew`;
  try {
    await restore(work, former);
  } catch (cause) {
    return notRestored(work, former, cause, `${message} (${error.message})`);
  }
  const text = `${message}, and is as it was before: ${error.message}`;
  const hint = error.hint ?? `Change networks.${key} to what the engine takes.`;
  return withPosition(new DsoError("rolled-back", text, { hint, cause: error }), position);
}

/**
 * Puts back the networks whose successors were never begun, because the run
 * ended before. Gives what could not be.
 */
export async function restoreSkipped(
  work: Work,
  skipped: readonly Operation[],
): Promise<Outcome["failed"]> {
  const failed: Outcome["failed"][number][] = [];
  for (const operation of skipped) {
    if (operation.kind !== "create-network") continue;
    const former = work.former.get(operation.network);
    if (former === undefined) continue;
    try {
      await restore(work, former);
    } catch (cause) {
      const message = `network ${former.body.Name} was to be made anew, and the run ended before`;
      const error = notRestored(work, former, cause, message);
      failed.push({ operation, error, tolerated: false });
    }
  }
  return failed;
}

function notRestored(
  { scrubber, force }: Work,
  { body }: FormerNetwork,
  cause: unknown,
  message: string,
): DsoError {
  const error = failureOf(cause, scrubber, force);
  return new DsoError(
    "rollback-failed",
    `${message}; it could not be put back either: ${error.message}`,
    {
      hint: `Run \`dso apply\` with a file that the engine takes: it makes ${body.Name} and connects its containers.`,
      cause: error,
    },
  );
}
