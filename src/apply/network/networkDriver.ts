import { networkBody } from "../../compose/create/createBody.ts";
import { describeSelf } from "../../lib/lockRecord.ts";
import { DsoError } from "../../model/errors.ts";
import { DSO } from "../../model/labels.ts";
import type { ObservedNetwork } from "../../model/observed.ts";
import type { ApplyContext } from "../context.ts";

/** Every engine has them. */
const COMMON: ReadonlySet<string> = new Set(["default", "bridge", "macvlan", "ipvlan"]);
/** An engine has one network of each of these, and makes no second. */
const SINGLE: ReadonlySet<string> = new Set(["host", "null", "none"]);
/** That there is no such driver; whatever else is refused may be due to the subnet left out. */
const NO_DRIVER = /plugin .*not found|swarm|only one instance/i;
const REMOVAL_MS = 60_000;

/** A driver that the engine has not, or that makes no networks here. */
export async function findDriverFault(
  key: string,
  context: ApplyContext,
  standing: readonly ObservedNetwork[],
  signal: AbortSignal,
): Promise<DsoError | undefined> {
  const { project } = context.desired;
  const driver = project.networks.get(key)?.driver;
  if (driver === undefined || COMMON.has(driver)) return undefined;
  if (!SINGLE.has(driver) && standing.some((network) => network.driver === driver)) {
    return undefined;
  }
  try {
    await tryDriver(key, context, signal);
    return undefined;
  } catch (error) {
    if (!(error instanceof DsoError) || error.code === "engine-unreachable") throw error;
    const words = error.cause instanceof Error ? error.cause.message : error.message;
    if (!NO_DRIVER.test(words)) return undefined;
    const position = project.positions.at(["networks", key, "driver"]);
    return new DsoError(
      "engine-refused",
      `network "${key}" cannot have the driver "${driver}": ${words}`,
      {
        hint: "Use a driver that the engine has, such as bridge; `docker info` lists them.",
        ...(position === undefined ? {} : { position }),
        cause: error,
      },
    );
  }
}

/** Makes a network of this driver and removes it; without addresses, which the present one may have. */
async function tryDriver(
  key: string,
  { engine, desired, dsoVersion, dialect, random }: ApplyContext,
  signal: AbortSignal,
): Promise<void> {
  const { Driver = "", Options = {} } = networkBody(desired.project, key, dsoVersion, dialect);
  const self = describeSelf("", `try the network driver ${Driver}`);
  const body = {
    Name: `dso-throwaway-${random.hex(6)}`,
    Driver,
    Options,
    Labels: { [DSO.throwaway]: JSON.stringify(self) },
  };
  const id = await engine.createNetwork(body, signal);
  // The run may be aborted by now; the network must go all the same.
  await engine.removeNetwork(id, AbortSignal.timeout(REMOVAL_MS));
}
