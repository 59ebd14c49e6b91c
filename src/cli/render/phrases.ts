import type { RotationStep } from "../../model/journal.ts";
import type { Operation, OperationKind } from "../../model/plan.ts";

/** How one kind of operation is spoken of, in the order in which it happens. */
export interface Phrases {
  /** Terraform's word for what happens to the resource. */
  readonly action: "create" | "update" | "replace" | "delete" | "read";
  readonly start: string;
  readonly still: string;
  readonly done: string;
}

function phrases(action: Phrases["action"], start: string, done: string): Phrases {
  return { action, start, still: `Still ${start.charAt(0).toLowerCase()}${start.slice(1)}`, done };
}

const PHRASES: Readonly<Record<OperationKind, Phrases>> = {
  "pull-image": phrases("read", "Pulling", "Pull complete"),
  "build-image": phrases("create", "Building", "Build complete"),
  "create-network": phrases("create", "Creating", "Creation complete"),
  "remove-network": phrases("delete", "Destroying", "Destruction complete"),
  "create-volume": phrases("create", "Creating", "Creation complete"),
  "remove-volume": phrases("delete", "Destroying", "Destruction complete"),
  "create-container": phrases("create", "Creating", "Creation complete"),
  "replace-container": phrases("replace", "Replacing", "Replacement complete"),
  "refresh-container": phrases("update", "Refreshing", "Refresh complete"),
  "start-container": phrases("update", "Starting", "Start complete"),
  "unpause-container": phrases("update", "Unpausing", "Unpausing complete"),
  "restart-container": phrases("update", "Restarting", "Restart complete"),
  "rename-container": phrases("update", "Renaming", "Renaming complete"),
  "stop-container": phrases("update", "Stopping", "Stop complete"),
  "remove-container": phrases("delete", "Destroying", "Destruction complete"),
  "connect-network": phrases("update", "Connecting", "Connection complete"),
  "disconnect-network": phrases("update", "Disconnecting", "Disconnection complete"),
  "ask-provider": phrases("read", "Asking its program", "Answered"),
  "wait-service": phrases("read", "Waiting", "Wait complete"),
};

export function phrasesOf({ kind }: Operation): Phrases {
  return PHRASES[kind];
}

/** What is being done in particular, where the address does not say it. */
export function detailOf(operation: Operation): string | undefined {
  switch (operation.kind) {
    case "replace-container":
      return operation.method;
    case "refresh-container":
      return operation.signal;
    case "pull-image":
      return operation.image;
    case "wait-service":
      return operation.condition.replace("service_", "until ").replaceAll("_", " ");
    case "connect-network":
      return operation.network;
    case "ask-provider":
      return `${operation.program} ${operation.verb}`;
    default:
      return undefined;
  }
}

/** The engine's id of what the operation works on, where the plan knows it. */
export function idOf(operation: Operation): string | undefined {
  if ("containerId" in operation) return operation.containerId;
  if (operation.kind === "replace-container") return operation.oldId;
  return operation.kind === "remove-network" ? operation.networkId : undefined;
}

/** The steps that somebody who waits wants to know of; the others are over at once. */
const STEPS: Partial<Record<RotationStep, string>> = {
  "create-new": "making the new container",
  "pre-stop": "running what comes before the old one's stop",
  "stop-old": "stopping the old container",
  "pre-start": "running what comes before its start",
  "start-new": "starting the new container",
  "post-start": "running what comes after its start",
  "await-health": "waiting until it serves",
  "swap-files": "putting the new files in place",
  "restore-files": "putting the old files back",
  "take-aliases": "leading requests to it",
  "watch-new": "watching it, as its files say",
  "drain-old": "letting the old container finish",
  "remove-old": "removing the old container",
  "remove-new": "removing the new container",
  "restore-old": "putting the old container back in its place",
};

export function stepPhrase(step: RotationStep): string | undefined {
  return STEPS[step];
}
