import type { DesiredService } from "../model/desired.ts";
import { combine, DsoError, withPosition } from "../model/errors.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Operation, OperationOf, Plan } from "../model/plan.ts";
import { withoutGiven } from "../model/programs.ts";
import { sealedNames } from "../model/sealing.ts";
import { checkBodies } from "./container/composeBody.ts";
import type { ApplyContext } from "./context.ts";
import { findTakenPorts } from "./network/hostPorts.ts";
import { findNetworkFaults } from "./network/networkFaults.ts";
import { checkPrograms } from "./programCall.ts";
import { readAll, type Values } from "./memory/values.ts";
import { checkVariables, variablesBytes } from "./memory/variables.ts";

type Makes = OperationOf<"create-container"> | OperationOf<"replace-container">;

/** What fills a memory directory. */
type Fills = Makes | OperationOf<"refresh-container">;

type Renames = OperationOf<"rename-container">;

/** Files take whole pages in memory. */
const PAGE_BYTES = 4096;

/**
 * Finds what would make the plan fail half way, before anything is changed:
 * unknown services, names and ports of others, networks that the engine
 * would refuse, secrets that cannot be read, no room in memory. Gives the values of the run.
 */
export async function preflight(
  plan: Plan,
  context: ApplyContext,
  signal: AbortSignal,
): Promise<Values> {
  const makes = plan.operations.filter(isMaking);
  const filled = plan.operations.filter(isFilling);
  const services = servicesOf(filled, context);
  refuseRemote(services, context);
  checkBodies(context, services);
  const found = await Promise.all([
    takenNames(plan, context, signal),
    findTakenPorts(plan, makes, context, signal),
    findNetworkFaults(plan, context, signal),
    checkPrograms(plan, context, signal),
  ]);
  const faults = [...missingImages(plan, services, context), ...found.flat()];
  if (faults.length > 0) throw combine(faults);
  const values = await readAll(context, context.desired, services, signal);
  try {
    for (const service of services) checkVariables(service, values);
    if (needsShim(services, context)) await context.shim.place();
    await ensureRoom(filled, context, values, signal);
    return values;
  } catch (error) {
    values.drop();
    throw error;
  }
}

/** Nobody fetches them: `pull_policy: never`, or `--pull never`. */
function missingImages(
  { operations, options }: Plan,
  services: readonly DesiredService[],
  { desired, observed }: ApplyContext,
): readonly DsoError[] {
  const isNever = ({ model }: DesiredService): boolean =>
    options.pull === "never" || (options.pull === "policy" && model.pull_policy === "never");
  const fetched = new Set(operations.flatMap((one) => ("image" in one ? [one.image] : [])));
  const missing = services.filter(
    (service) =>
      isNever(service) && !observed.images.has(service.image) && !fetched.has(service.image),
  );
  return missing.map(({ name, image }) => {
    const message = `service ${name} needs the image "${image}", which the engine does not have and which is not to be pulled`;
    return withPosition(
      new DsoError("image-missing", message, {
        hint: "Pull, load or build it first, or let pull_policy (or --pull) be missing.",
      }),
      desired.project.positions.at(["services", name, "pull_policy"]),
    );
  });
}

function isMaking(operation: Operation): operation is Operation & Makes {
  return operation.kind === "create-container" || operation.kind === "replace-container";
}

function isFilling(operation: Operation): operation is Operation & Fills {
  return isMaking(operation) || operation.kind === "refresh-container";
}

function isNaming(operation: Operation): operation is Operation & (Makes | Renames) {
  return isMaking(operation) || operation.kind === "rename-container";
}

/** Without what programs are yet to give: whoever asks them looks at that. */
function servicesOf(fills: readonly Fills[], { desired }: ApplyContext): readonly DesiredService[] {
  return [...new Set(fills.map(({ service }) => service))].map((name) => {
    const service = desired.services.get(name);
    if (service !== undefined) return withoutGiven(service);
    throw new DsoError("plan-invalid", `the plan makes containers of the unknown service ${name}`);
  });
}

/** Whether it can be had at all is found before anything is changed. */
function needsShim(services: readonly DesiredService[], { observed }: ApplyContext): boolean {
  return observed.shim && services.some((service) => sealedNames(service).length > 0);
}

/** Our memory is this host's: another one's engine would look for the files on its own disk. */
export function refuseRemote(
  services: readonly DesiredService[],
  { observed }: Pick<ApplyContext, "observed">,
): void {
  const { local, endpoint } = observed.engine;
  const first = services.find(
    (service) => service.files.length > 0 || sealedNames(service).length > 0,
  );
  if (local || first === undefined) return;
  const what = first.files.length > 0 ? "secret files" : "sealed variables";
  throw new DsoError(
    "engine-remote",
    `service ${first.name} has ${what}, and the engine at ${endpoint} is not on this host`,
    { hint: "Run dso on the engine's host; files in memory cannot be given to another one yet." },
  );
}

/** Containers of others that have a name we need, and that the plan does not move out of the way. */
async function takenNames(
  plan: Plan,
  { engine, desired, observed }: ApplyContext,
  signal: AbortSignal,
): Promise<readonly DsoError[]> {
  const moved = movedIds(plan);
  const leaving = observed.containers.filter(({ id }) => moved.has(id));
  const freed = new Set(leaving.map(({ name }) => name));
  const faults: DsoError[] = [];
  for (const { name, address } of plan.operations.filter(isNaming)) {
    if (freed.has(name)) continue;
    const service = /^container\.(.*)\[/.exec(address)?.[1] ?? address;
    const holder = await engine.inspectContainer(name, signal);
    if (holder?.name !== name || moved.has(holder.id)) continue;
    const owner = holder.labels[COMPOSE.project];
    const whose = owner === undefined ? "not made by Compose" : `of project ${owner}`;
    const position = desired.project.positions.at(["services", service, "container_name"]);
    faults.push(
      new DsoError(
        "engine-conflict",
        `service ${service} needs the container name ${name}, which another container has (${holder.id.slice(0, 12)}, ${whose})`,
        {
          hint: "Remove or rename that container, or choose another name.",
          ...(position === undefined ? {} : { position }),
        },
      ),
    );
  }
  return faults;
}

/** Containers that the plan removes, renames or replaces. */
function movedIds(plan: Plan): ReadonlySet<string> {
  return new Set(
    plan.operations.flatMap((operation) => {
      switch (operation.kind) {
        case "remove-container":
        case "rename-container":
          return [operation.containerId];
        case "replace-container":
          return [operation.oldId];
        default:
          return [];
      }
    }),
  );
}

async function ensureRoom(
  fills: readonly Fills[],
  { desired, delivery }: ApplyContext,
  values: Values,
  signal: AbortSignal,
): Promise<void> {
  const sizes = fills.flatMap(({ service: name }) => {
    const found = desired.services.get(name);
    if (found === undefined) return [];
    const service = withoutGiven(found);
    const files = service.files.map((file) => values.content(name, file).byteLength);
    const variables = variablesBytes(service, values);
    // Once for its program, and once for whoever takes them out of what it says.
    return variables === 0 ? files : [...files, variables, variables];
  });
  if (sizes.length === 0) return;
  const pages = sizes.reduce((sum, size) => sum + Math.ceil(size / PAGE_BYTES), 0);
  await delivery.ensureRoom(pages * PAGE_BYTES, signal);
}
