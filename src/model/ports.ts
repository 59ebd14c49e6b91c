/** The ports: everything outside that the core talks to, in our words. */
import type { DsoError } from "./errors.ts";
import type {
  CreateBody,
  EndpointConfig,
  NetworkBody,
  RestartPolicy,
  VolumeBody,
} from "./engine.ts";
import type {
  ContainerDetail,
  EngineInfo,
  ImageDetail,
  ObservedContainer,
  ObservedNetwork,
  ObservedVolume,
} from "./observed.ts";
import type { Leases } from "./leases.ts";
import { encodePath } from "./reference.ts";
import type { Secret } from "./secret.ts";
import type { Version } from "./version.ts";

/** What one row-listing call round of the engine gives: three requests, whatever the size. */
export interface ProjectListing {
  readonly containers: readonly ObservedContainer[];
  readonly networks: readonly ObservedNetwork[];
  readonly volumes: readonly ObservedVolume[];
}

/**
 * An engine. A method that names an object by id or name rejects with DsoError:
 * `engine-unreachable`, `engine-conflict` (a name or address is taken, a volume in use),
 * `port-taken`, `image-missing`, or `engine-refused` with the engine's own words.
 * `inspect…` answer `undefined` for the engine's own "not found" only;
 * `stop`, `remove` and `disconnect` take an object that is already so as done.
 */
export interface Engine {
  /** Who the engine is. Asked once: it stays the same for as long as it is connected. */
  info(signal: AbortSignal): Promise<EngineInfo>;

  /** Everything that carries the project's Compose label, one-off containers included. */
  listProject(project: string, signal: AbortSignal): Promise<ProjectListing>;
  /** All containers of the engine that publish a port or carry `label`; for ports in use and sweeping. */
  listContainers(
    filter: { readonly label?: string },
    signal: AbortSignal,
  ): Promise<
    readonly (ObservedContainer & {
      readonly publishedPorts: readonly PublishedPort[];
    })[]
  >;
  /** Every network of the engine, for free subnets. */
  listNetworks(signal: AbortSignal): Promise<readonly ObservedNetwork[]>;
  inspectContainer(id: string, signal: AbortSignal): Promise<ContainerDetail | undefined>;
  inspectImage(reference: string, signal: AbortSignal): Promise<ImageDetail | undefined>;
  inspectNetwork(
    name: string,
    signal: AbortSignal,
  ): Promise<
    | (ObservedNetwork & {
        /** What makes one like it again. */
        readonly body: NetworkBody;
        readonly endpoints: readonly {
          readonly containerId: string;
          readonly ipv4: string | undefined;
          readonly ipv6: string | undefined;
        }[];
      })
    | undefined
  >;
  inspectVolume(name: string, signal: AbortSignal): Promise<ObservedVolume | undefined>;

  /** `progress` gets short human lines; rejects with `image-missing` when nobody has it. */
  pullImage(
    reference: string,
    options: { readonly platform?: string },
    progress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * The digest of what the reference, which is a tag, means to its registry; rejects as `pullImage`
   * does. `maxAgeMs`: what it said (or that it did not) within that time will do, where the image
   * that is here already had the digests `here` then.
   */
  registryDigest(
    reference: string,
    here: readonly string[],
    maxAgeMs: number,
    signal: AbortSignal,
  ): Promise<string>;
  /** The regular file's bytes from an image, or undefined where the image has none (e.g. `/etc/passwd`). */
  readImageFile(image: string, path: string, signal: AbortSignal): Promise<Buffer | undefined>;

  createContainer(
    name: string,
    body: CreateBody,
    options: { readonly platform?: string },
    signal: AbortSignal,
  ): Promise<string>;
  startContainer(id: string, signal: AbortSignal): Promise<void>;
  /** Whether there is a file of that path in the container, which need not run. */
  hasFile(id: string, path: string, signal: AbortSignal): Promise<boolean>;
  /** `graceSeconds` undefined: the container's own. */
  stopContainer(id: string, graceSeconds: number | undefined, signal: AbortSignal): Promise<void>;
  killContainer(id: string, posixSignal: string, signal: AbortSignal): Promise<void>;
  unpauseContainer(id: string, signal: AbortSignal): Promise<void>;
  /** `volumes`: its anonymous volumes too. */
  removeContainer(
    id: string,
    options: { readonly force: boolean; readonly volumes: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  renameContainer(id: string, name: string, signal: AbortSignal): Promise<void>;
  updateRestartPolicy(id: string, policy: RestartPolicy, signal: AbortSignal): Promise<void>;
  /** Resolves with the exit code once the container has ended. */
  waitContainer(id: string, signal: AbortSignal): Promise<number>;
  /** The last `tail` lines of both streams, foreign text: scrub before showing. */
  logTail(id: string, tail: number, signal: AbortSignal): Promise<string>;
  /** Streams until the container ends or the signal aborts; chunks per stream. */
  logs(
    id: string,
    options: {
      readonly follow: boolean;
      readonly tail?: number;
      readonly since?: number;
      readonly timestamps: boolean;
    },
    signal: AbortSignal,
  ): AsyncIterable<{
    readonly stream: "stdout" | "stderr";
    readonly data: Buffer;
  }>;
  /** Attaches to a created container before it is started, both ways. */
  attach(
    id: string,
    streams: Streams,
    signal: AbortSignal,
  ): Promise<{ readonly done: Promise<void> }>;
  /** Runs a command in a running container. Values go through `environment` or stdin, never argv. */
  exec(id: string, request: ExecRequest, streams: Streams, signal: AbortSignal): Promise<number>;

  createNetwork(body: NetworkBody, signal: AbortSignal): Promise<string>;
  removeNetwork(id: string, signal: AbortSignal): Promise<void>;
  connectNetwork(
    network: string,
    container: string,
    endpoint: EndpointConfig,
    signal: AbortSignal,
  ): Promise<void>;
  disconnectNetwork(network: string, container: string, signal: AbortSignal): Promise<void>;
  createVolume(body: VolumeBody, signal: AbortSignal): Promise<void>;
  removeVolume(name: string, signal: AbortSignal): Promise<void>;

  /**
   * From `since` (nanoseconds since the epoch as decimal text) on, of one container by its id, or of
   * all that carries these labels; ends with the connection. `actions`: only such as these, so that
   * nobody is woken for the rest.
   */
  events(
    options: {
      readonly since?: string;
      readonly labels?: readonly string[];
      readonly actions?: readonly string[];
      readonly container?: string;
    },
    signal: AbortSignal,
  ): AsyncIterable<EngineEvent>;
  close(): Promise<void>;
}

export interface PublishedPort {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly protocol: string;
}

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly environment?: readonly string[];
  readonly user?: string;
  readonly workingDir?: string;
  readonly tty: boolean;
  readonly privileged?: boolean;
}

/** Where foreign input and output go. `input` absent: closed at once. */
export interface Streams {
  readonly input?: NodeJS.ReadableStream;
  readonly output: (data: Buffer) => void;
  readonly error: (data: Buffer) => void;
  readonly tty: boolean;
  /** Called with a function that tells the engine the terminal's new size. */
  readonly onResize?: (resize: (columns: number, rows: number) => void) => void;
}

export interface EngineEvent {
  readonly type: string;
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch, decimal text. */
  readonly timeNano: string;
}

/** The answer of a provider that has no versions. */
export const UNSUPPORTED = Symbol("unsupported");

/**
 * One store of secrets. A batch never fails as a whole because of one secret:
 * that one's answer is an error. It rejects only when the provider as such is of
 * no use (`provider-unreachable`, `provider-auth`).
 */
export interface SecretProvider {
  readonly name: string;
  /** Metadata only: no value is read. Keyed by path (by `path@pinned` where pinned). */
  versions(
    requests: readonly SecretRequest[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Version | typeof UNSUPPORTED | DsoError>>;
  /** The names of each secret's keys, where the store tells them without its values. Keyed as in `versions`. */
  keys?(
    requests: readonly SecretRequest[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly string[] | DsoError>>;
  /** Keyed as in `versions`. The caller owns the values and drops them. */
  read(
    requests: readonly SecretRequest[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, SecretData | DsoError>>;
  /**
   * Tells of paths that may have changed: a hint, so that nobody waits for the next poll. Resolves when the
   * signal aborts, or where the store cannot tell; rejects with what else ends it.
   */
  watch?(
    paths: readonly string[],
    changed: (path: string) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Only of a store that issues credentials for a time: what was read of it has to be looked after. */
  readonly leases?: Leases;
  check(signal: AbortSignal): Promise<ProviderHealth>;
  close(): Promise<void>;
}

export interface SecretRequest {
  readonly path: string;
  readonly pinned?: Version;
}

/** `path`, or `path@version` where a version is pinned: the key of a provider's answers. */
export function requestKey(request: SecretRequest): string {
  const path = encodePath(request.path);
  return request.pinned === undefined ? path : `${path}@${request.pinned}`;
}

export interface SecretData {
  readonly version: Version;
  /** Key of the secret's map to its value; a secret without keys has the one key `value`. */
  readonly values: ReadonlyMap<string, Secret>;
}

export type ProviderHealth =
  { readonly ok: true } | { readonly ok: false; readonly error: DsoError };

/** Sockets of containers, as the kernel of this host shows them. */
export interface Sockets {
  /**
   * How many connections there are to ports that the process, or another of its network, listens on;
   * undefined where that cannot be told: another host's process, another user's.
   */
  inbound(pid: number): Promise<number | undefined>;
}

/** Time, given from outside so that tests may hold it. */
export interface Clock {
  /** Milliseconds since the epoch, for what is written down: somebody may set this clock at any moment. */
  now(): number;
  /** Milliseconds since some moment of this process, for how long something takes: it never jumps. */
  elapsed(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Random text for names of generations and rotations. */
export interface Random {
  /** Lower-case hex of `bytes` random bytes. */
  hex(bytes: number): string;
}
