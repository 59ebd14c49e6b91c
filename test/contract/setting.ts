/** What the engine contract needs from whoever runs it, and the bodies that its tests send. */
import { afterEach, beforeEach, expect } from "vitest";
import type { CreateBody, EndpointConfig, HostConfig } from "../../src/model/engine.ts";
import { COMPOSE } from "../../src/model/labels.ts";
import type { Engine } from "../../src/model/ports.ts";

/** Image references; what each does stands in `test/e2e/image.ts`. */
export type ContractImages = Readonly<
  Record<"base" | "exits" | "health" | "stubborn" | "user" | "volume", string>
>;

export interface Setting {
  readonly engine: Engine;
  readonly images: ContractImages;
  /** Sets the objects of this run apart from everybody else's. */
  readonly project: string;
  /** A host port that nobody uses. */
  readonly port: number;
  /** The first two numbers of a 10.x.y.0/24 subnet that nobody uses, e.g. `10.213.7`. */
  readonly subnet: string;
}

export const never = new AbortController().signal;

export interface Options {
  readonly host?: HostConfig;
  readonly env?: readonly string[];
  /** Ports that are bound must be exposed too: engines ignore the others. */
  readonly exposed?: readonly string[];
  readonly networks?: Readonly<Record<string, EndpointConfig>>;
}

/** The setting of the test that runs, and shorthands for what all of them do. */
export interface Scene {
  readonly setting: () => Setting;
  readonly engine: () => Engine;
  readonly name: (part: string) => string;
  readonly body: (image: string, options?: Options) => CreateBody;
  /** Creates; answers the id. */
  readonly make: (part: string, image: string, options?: Options) => Promise<string>;
  /** Creates and starts; answers the id. */
  readonly run: (part: string, image: string, options?: Options) => Promise<string>;
  /** Resolves when the base image's program is as far as to hear SIGTERM, which a first process does not by itself. */
  readonly hears: (id: string) => Promise<void>;
  readonly network: (part: string, thirdByte?: string) => Promise<string>;
}

/** Signal 15 is bit 14 of a mask in hexadecimal digits. */
const CATCHES_SIGTERM = "^SigCgt:.*[4-7c-f]...$";

export function scene(make: () => Promise<Setting>): Scene {
  let current: Setting | undefined;
  beforeEach(async () => {
    current = await make();
  });
  afterEach(async () => {
    if (current !== undefined) await clear(current);
  });
  const setting = (): Setting => {
    if (current === undefined) throw new Error("no setting outside a test");
    return current;
  };
  const name = (part: string): string => `${setting().project}-${part}`;
  const labels = (): Record<string, string> => ({ [COMPOSE.project]: setting().project });
  const body = (image: string, options: Options = {}): CreateBody => ({
    Image: image,
    Env: options.env ?? [],
    Labels: { ...labels(), tier: "test" },
    ExposedPorts: Object.fromEntries((options.exposed ?? []).map((port) => [port, {}])),
    HostConfig: { NetworkMode: "bridge", ...options.host },
    NetworkingConfig: { EndpointsConfig: options.networks ?? {} },
  });
  const create: Scene["make"] = (part, image, options) =>
    setting().engine.createContainer(name(part), body(image, options), {}, never);
  return {
    setting,
    engine: () => setting().engine,
    name,
    body,
    make: create,
    async run(part, image, options) {
      const id = await create(part, image, options);
      await setting().engine.startContainer(id, never);
      return id;
    },
    hears: (id) =>
      eventually(async () => {
        const argv = ["grep", "-q", CATCHES_SIGTERM, "/proc/1/status"];
        const ignore = (): void => undefined;
        const streams = { output: ignore, error: ignore, tty: false };
        expect(await setting().engine.exec(id, { argv, tty: false }, streams, never)).toBe(0);
      }),
    network(part, prefix = setting().subnet) {
      const Config = [{ Subnet: `${prefix}.0/24`, IPRange: `${prefix}.0/25` }];
      const made = { Name: name(part), Labels: labels(), IPAM: { Config } };
      return setting().engine.createNetwork(made, never);
    },
  };
}

async function clear({ engine, project }: Setting): Promise<void> {
  const { containers } = await engine.listProject(project, never);
  for (const { id } of containers) {
    await engine.removeContainer(id, { force: true, volumes: true }, never);
  }
  const { networks, volumes } = await engine.listProject(project, never);
  for (const { id } of networks) await engine.removeNetwork(id, never);
  for (const { name } of volumes) await engine.removeVolume(name, never);
  await engine.close();
}

/** Asks again until the answer is what it should become; its last error is the test's. */
export async function eventually(check: () => Promise<void>): Promise<void> {
  const until = Date.now() + 30_000;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
