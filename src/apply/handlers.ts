import type { OperationKind, OperationOf } from "../model/plan.ts";
import type { Done, Handler, Work } from "./context.ts";
import { askProvider } from "./askProvider.ts";
import { createContainer } from "./rollout/createContainer.ts";
import * as containers from "./handleContainers.ts";
import * as images from "./handleImages.ts";
import * as objects from "./handleObjects.ts";
import { waitService } from "./handleWait.ts";
import { replaceBlueGreen } from "./rollout/blueGreen.ts";
import { refreshContainer } from "./rollout/refresh.ts";
import { replaceStopFirst } from "./rollout/stopFirst.ts";

const replaceContainer: Handler<"replace-container"> = async (operation, work, signal) => {
  const replace = operation.method === "blue-green" ? replaceBlueGreen : replaceStopFirst;
  return replace(operation, work, signal);
};

/** One for each kind of operation: a new kind does not compile until it has one. */
const handlers: { readonly [K in OperationKind]: Handler<K> } = {
  "pull-image": images.pullImage,
  "build-image": images.buildImage,
  "create-network": objects.createNetwork,
  "remove-network": objects.removeNetwork,
  "create-volume": objects.createVolume,
  "remove-volume": objects.removeVolume,
  "connect-network": objects.connectNetwork,
  "disconnect-network": objects.disconnectNetwork,
  "create-container": createContainer,
  "replace-container": replaceContainer,
  "refresh-container": refreshContainer,
  "start-container": containers.startContainer,
  "unpause-container": containers.unpauseContainer,
  "restart-container": containers.restartContainer,
  "rename-container": containers.renameContainer,
  "stop-container": containers.stopContainer,
  "remove-container": containers.removeContainer,
  "ask-provider": askProvider,
  "wait-service": waitService,
};

export async function carryOut<K extends OperationKind>(
  operation: OperationOf<K>,
  work: Work,
  signal: AbortSignal,
): Promise<Done> {
  const handler: Handler<K> = handlers[operation.kind];
  return handler(operation, work, signal);
}
