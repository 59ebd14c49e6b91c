import type { ObservedNetwork } from "../../model/observed.ts";
import { COMPOSE } from "../../model/labels.ts";
import { DsoError } from "../../model/errors.ts";
import type { OperationOf, Plan } from "../../model/plan.ts";
import type { NetworkModel } from "../../model/project.ts";
import { overlaps, parseSubnet, type Subnet } from "./cidr.ts";
import type { ApplyContext } from "../context.ts";
import { findDriverFault } from "./networkDriver.ts";
import { findPoolFaults } from "./networkPools.ts";

/** These share one space of addresses, which the engine itself hands out; of others nothing is known. */
const LOCAL: ReadonlySet<string | undefined> = new Set([
  ...[undefined, "default", "bridge", "macvlan", "ipvlan"],
]);

interface Claim {
  readonly subnet: Subnet;
  readonly text: string;
  readonly holder: string;
}

/**
 * What the engine would refuse to create, as far as it can be known. A network
 * that changes is taken down before its successor is made, so a refusal then
 * would leave the services without either.
 */
export async function findNetworkFaults(
  plan: Plan,
  context: ApplyContext,
  signal: AbortSignal,
): Promise<readonly DsoError[]> {
  const creates = plan.operations.filter((operation) => operation.kind === "create-network");
  if (creates.length === 0) return [];
  const standing = await context.engine.listNetworks(signal);
  const faults: DsoError[] = [];
  const earlier: Claim[] = [];
  for (const operation of creates) {
    const key = operation.network;
    const model = context.desired.project.networks.get(key);
    if (model === undefined) continue;
    const driver = await findDriverFault(key, context, standing, signal);
    if (driver !== undefined) faults.push(driver);
    if (!isAddressedByEngine(model)) continue;
    faults.push(...findPoolFaults(key, model, context.desired));
    const others = [...claimsOf(staying(standing, plan, operation)), ...earlier];
    faults.push(...overlapFaults(key, model, others, context));
    earlier.push(...ownClaims(key, model));
  }
  return faults;
}

/** A plugin for addresses follows rules of its own. */
function isAddressedByEngine({ driver, ipam }: NetworkModel): boolean {
  return LOCAL.has(driver) && (ipam?.driver === undefined || ipam.driver === "default");
}

/** All but those that are gone when this one is made. */
function staying(
  standing: readonly ObservedNetwork[],
  plan: Plan,
  { after }: OperationOf<"create-network">,
): readonly ObservedNetwork[] {
  const gone = new Set(
    plan.operations.flatMap((operation) =>
      operation.kind === "remove-network" && after.includes(operation.id)
        ? [operation.networkId]
        : [],
    ),
  );
  return standing.filter(({ id, driver }) => LOCAL.has(driver) && !gone.has(id));
}

function claimsOf(networks: readonly ObservedNetwork[]): readonly Claim[] {
  return networks.flatMap(({ name, labels, subnets }) => {
    const owner = labels[COMPOSE.project];
    const holder = `network ${name}${owner === undefined ? "" : ` of project ${owner}`}`;
    return subnets.flatMap(({ subnet: text }) => {
      const subnet = parseSubnet(text);
      return subnet === undefined ? [] : [{ subnet, text, holder }];
    });
  });
}

function ownClaims(key: string, { ipam }: NetworkModel): readonly Claim[] {
  return (ipam?.config ?? []).flatMap(({ subnet: text = "" }) => {
    const subnet = parseSubnet(text);
    return subnet === undefined ? [] : [{ subnet, text, holder: `network "${key}"` }];
  });
}

function overlapFaults(
  key: string,
  { ipam }: NetworkModel,
  others: readonly Claim[],
  { desired }: ApplyContext,
): readonly DsoError[] {
  return (ipam?.config ?? []).flatMap(({ subnet: text = "" }, index) => {
    const subnet = parseSubnet(text);
    const other = subnet && others.find((claim) => overlaps(claim.subnet, subnet));
    if (other === undefined) return [];
    const position = desired.project.positions.at([
      ...["networks", key, "ipam", "config"],
      ...[index, "subnet"],
    ]);
    return new DsoError(
      "engine-conflict",
      `network "${key}" has the subnet ${text}, which overlaps ${other.text} of ${other.holder}`,
      {
        hint: "Choose a subnet that no other network has, or leave it out: a free one is chosen then.",
        ...(position === undefined ? {} : { position }),
      },
    );
  });
}
