/** Networks and volumes. */
import { networkBody, volumeBody } from "../compose/create/createBody.ts";
import { DsoError } from "../model/errors.ts";
import { COMPOSE } from "../model/labels.ts";
import { composeBody } from "./container/composeBody.ts";
import { serviceOf } from "./container/container.ts";
import type { Done, Handler } from "./context.ts";
import { restoredInstead, serveOn } from "./network/formerNetworks.ts";
import { createFreely } from "./network/network.ts";

const DONE: Done = {};

export const createNetwork: Handler<"create-network"> = async (operation, work) => {
  const model = work.desired.project.networks.get(operation.network);
  if (model === undefined) throw unknown("network", operation.network);
  const body = networkBody(work.desired.project, operation.network, work.dsoVersion, work.dialect);
  try {
    await createFreely(work, operation.network, model, body, work.force);
  } catch (error) {
    throw await restoredInstead(work, operation.network, error);
  }
  await serveOn(work, operation.network);
  return DONE;
};

export const removeNetwork: Handler<"remove-network"> = async ({ networkId: id, name }, work) => {
  try {
    await work.engine.removeNetwork(id, work.force);
  } catch (error) {
    if (!(error instanceof DsoError && /active endpoints/.test(error.message))) throw error;
    const message = `network ${name} is still used by containers of others, so it stays`;
    work.report({ type: "warning", code: "network-in-use", message });
  }
  return DONE;
};

export const createVolume: Handler<"create-volume"> = async (operation, work) => {
  if (!work.desired.project.volumes.has(operation.volume)) {
    throw unknown("volume", operation.volume);
  }
  const body = volumeBody(work.desired.project, operation.volume, work.dsoVersion);
  await work.engine.createVolume(body, work.force);
  return DONE;
};

export const removeVolume: Handler<"remove-volume"> = async ({ name }, work) => {
  await work.engine.removeVolume(name, work.force);
  return DONE;
};

function unknown(kind: string, name: string): DsoError {
  return new DsoError("plan-invalid", `the plan names ${kind} ${name}, which the project has not`);
}

export const connectNetwork: Handler<"connect-network"> = async (operation, work) => {
  const container = await work.engine.inspectContainer(operation.containerId, work.force);
  const network = work.desired.project.networks.get(operation.network)?.name;
  if (container === undefined || network === undefined) throw unknown("network", operation.network);
  const number = Number(container.labels[COMPOSE.number] ?? "1");
  const service = serviceOf(work, operation.service);
  const { name } = container;
  const body = composeBody(work, { service, number, name }, container.imageId);
  const endpoint = body.NetworkingConfig.EndpointsConfig[network] ?? {};
  await work.engine.connectNetwork(network, container.id, endpoint, work.force);
  return { containerId: container.id };
};

export const disconnectNetwork: Handler<"disconnect-network"> = async (operation, work) => {
  await work.engine.disconnectNetwork(operation.networkId, operation.containerId, work.force);
  return { containerId: operation.containerId };
};
