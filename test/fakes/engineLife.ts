/** Births and deaths of the fake engine's containers. */
import { DsoError } from "../../src/model/errors.ts";
import { takeAddresses, takePorts } from "./engineAddresses.ts";
import { emit, refuse, type FakeContainer, type State } from "./engineState.ts";

export function begin(state: State, container: FakeContainer): void {
  if (container.image.startError !== undefined) {
    container.error = container.image.startError;
    throw refuse(container.error);
  }
  for (const { Type, Source = "" } of container.body.HostConfig.Mounts ?? []) {
    if (Type !== "bind" || state.pathExists(Source)) continue;
    container.error = `bind source path does not exist: ${Source}`;
    throw refuse(container.error);
  }
  try {
    takeAddresses(state, container);
    container.publishedPorts = takePorts(state, container);
  } catch (error) {
    container.error = error instanceof DsoError ? error.message : "";
    throw error;
  }
  state.serial += 1;
  Object.assign(container, {
    state: "running",
    pid: 1000 + state.serial,
    startedAt: state.now(),
    looks: 0,
    error: "",
    stoppedByHand: false,
    health: hasHealthcheck(container) ? "starting" : undefined,
    log: container.log + (container.image.log ?? ""),
  });
  emit(state, "start", container);
  const { exits } = container.image;
  if (exits !== undefined && (exits.afterLooks ?? 0) === 0) end(state, container, exits.code);
}

/** Its program has ended; the restart policy decides what comes of it. */
export function end(state: State, container: FakeContainer, code: number): void {
  container.exitCode = code;
  const again = restarts(container);
  container.state = again ? "restarting" : "exited";
  if (again) container.restartCount += 1;
  container.pid = 0;
  if (!again) container.publishedPorts = [];
  emit(state, "die", container);
  if (!again) for (const wake of container.ended) wake();
}

function restarts(container: FakeContainer): boolean {
  if (container.stoppedByHand) return false;
  const { Name: name, MaximumRetryCount: most = 0 } = container.restartPolicy;
  if (name === "always" || name === "unless-stopped") return true;
  const left = most === 0 || container.restartCount < most;
  return name === "on-failure" && container.exitCode !== 0 && left;
}

function hasHealthcheck(container: FakeContainer): boolean {
  const own = container.body.Healthcheck?.Test;
  if (own !== undefined && own.length > 0) return own[0] !== "NONE";
  return container.imageDetail.healthcheckIntervalMs !== undefined;
}
