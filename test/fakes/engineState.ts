/** What the fake engine remembers. */
import { createHash } from "node:crypto";
import type {
  CreateBody,
  EndpointConfig,
  NetworkBody,
  RestartPolicy,
} from "../../src/model/engine.ts";
import { DsoError } from "../../src/model/errors.ts";
import type {
  ContainerState,
  EngineInfo,
  ImageDetail,
  ObservedMount,
  ObservedNetwork,
  ObservedVolume,
} from "../../src/model/observed.ts";
import type { EngineEvent, ExecRequest, PublishedPort } from "../../src/model/ports.ts";

/** An image, and how containers made of it behave. */
export interface FakeImage {
  readonly detail?: Partial<ImageDetail>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Paths to contents, for `readImageFile`. */
  readonly files?: Readonly<Record<string, string>>;
  /** Without a `/bin/sh`, which the others have. */
  readonly shellless?: boolean;
  /** Ends by itself with `code`, once it was looked at `afterLooks` times (0: within the start). */
  readonly exits?: { readonly code: number; readonly afterLooks?: number };
  /** With a healthcheck: looks that still find it `starting`; 0 unless told. */
  readonly healthyAfter?: number;
  /** With a healthcheck: it ends up unhealthy instead. */
  readonly unhealthy?: boolean;
  /** Stop has to kill it: exit code 137. */
  readonly ignoresSigterm?: boolean;
  /** The engine refuses to start it, with these words. */
  readonly startError?: string;
  /** What its program writes at start. */
  readonly log?: string;
  readonly exec?: (request: ExecRequest, input: string) => FakeExecResult;
}

export interface FakeExecResult {
  readonly code: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

export interface FakeEndpoint {
  readonly network: string;
  readonly config: EndpointConfig;
  ipv4: string | undefined;
  ipv6: string | undefined;
}

export interface FakeContainer {
  readonly id: string;
  name: string;
  readonly body: CreateBody;
  readonly image: FakeImage;
  readonly imageDetail: ImageDetail;
  readonly labels: Readonly<Record<string, string>>;
  readonly mounts: readonly ObservedMount[];
  readonly anonymousVolumes: readonly string[];
  readonly endpoints: Map<string, FakeEndpoint>;
  readonly created: number;
  state: ContainerState;
  exitCode: number;
  health: "starting" | "healthy" | "unhealthy" | undefined;
  restartPolicy: RestartPolicy;
  restartCount: number;
  startedAt: number;
  pid: number;
  error: string;
  looks: number;
  log: string;
  stoppedByHand: boolean;
  publishedPorts: readonly PublishedPort[];
  readonly ended: Set<() => void>;
}

export interface FakeNetwork extends ObservedNetwork {
  /** The user chose the subnet, so that endpoints may ask for addresses. */
  readonly chosenSubnet: boolean;
  readonly body: NetworkBody;
}

export interface State {
  readonly info: EngineInfo;
  readonly now: () => number;
  readonly pathExists: (path: string) => boolean;
  readonly containers: Map<string, FakeContainer>;
  readonly networks: Map<string, FakeNetwork>;
  readonly volumes: Map<string, ObservedVolume>;
  readonly images: Map<string, FakeImage>;
  readonly pullable: Map<string, FakeImage>;
  readonly events: EngineEvent[];
  readonly listeners: Set<() => void>;
  serial: number;
}

/** 64 hexadecimal digits, the same in every run. */
export function nextId(state: State, kind: string): string {
  state.serial += 1;
  return digest(`${kind} ${state.serial}`);
}

export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function refuse(message: string): DsoError {
  return new DsoError("engine-refused", message);
}

export function findContainer(state: State, key: string): FakeContainer | undefined {
  const exact = state.containers.get(key);
  if (exact !== undefined) return exact;
  const all = [...state.containers.values()];
  return (
    all.find((container) => container.name === key) ??
    (/^[0-9a-f]{12,}$/.test(key) ? all.find((item) => item.id.startsWith(key)) : undefined)
  );
}

export function needContainer(state: State, key: string): FakeContainer {
  const container = findContainer(state, key);
  if (container === undefined) throw refuse(`No such container: ${key}`);
  return container;
}

export function findNetwork(state: State, key: string): FakeNetwork | undefined {
  return (
    state.networks.get(key) ?? [...state.networks.values()].find((network) => network.id === key)
  );
}

export function needNetwork(state: State, key: string): FakeNetwork {
  const network = findNetwork(state, key);
  if (network === undefined) throw refuse(`network ${key} not found`);
  return network;
}

/** Whether its processes exist, so that it holds ports and addresses. */
export function isAlive(container: FakeContainer): boolean {
  return ["running", "paused", "restarting"].includes(container.state);
}

export function emit(state: State, action: string, container: FakeContainer): void {
  const { id, name, labels, body } = container;
  // The serial keeps two events of one millisecond apart, as nanoseconds do.
  const timeNano = `${state.now()}${String(state.events.length % 1_000_000).padStart(6, "0")}`;
  const extra: Record<string, string> =
    action === "die" ? { exitCode: String(container.exitCode) } : {};
  const attributes = { ...labels, image: body.Image, name, ...extra };
  state.events.push({ type: "container", action, id, attributes, timeNano });
  for (const listener of state.listeners) listener();
}

/** Resolves when somebody calls what is put into `sleepers`, or when the signal aborts. */
export async function untilWoken(sleepers: Set<() => void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<undefined>((resolve) => {
    const wake = (): void => {
      sleepers.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve(undefined);
    };
    sleepers.add(wake);
    signal.addEventListener("abort", wake, { once: true });
  });
}
