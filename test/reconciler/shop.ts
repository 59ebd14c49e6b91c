/** A project `shop` that was applied by a pass, and what a test does with it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { readConfig } from "../../src/config/load.ts";
import { pass, type Passed } from "../../src/reconciler/pass.ts";
import type { Tracked } from "../../src/reconciler/tracked.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never, type World } from "./world.ts";

interface Texts {
  readonly web?: string;
  readonly mode?: string;
  readonly api?: string | false;
}

export const compose = ({ web = "app:1", mode = "a", api = "app:1" }: Texts = {}): string => `
services:
  web: { image: "${web}", environment: { MODE: ${mode}, PASSWORD: "dso://db#password" }, x-dso: { env: exposed } }
  ${api === false ? "" : `api: { image: "${api}" }`}
`;

export interface Scene extends World {
  readonly file: string;
  readonly write: (text: string) => Promise<void>;
  readonly look: (options?: {
    readonly asked?: boolean;
    readonly policy?: Partial<Tracked["policy"]>;
  }) => Promise<Passed>;
  readonly imageOf: (container: string) => Promise<string | undefined>;
}

export async function withShop(work: (scene: Scene) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  const file = join(directory.path, "compose.yaml");
  world.engine.addImage("app:1");
  world.engine.addImage("app:2");
  world.engine.addImage("broken:1", { exits: { code: 3 } });
  const configFile = join(directory.path, "dso.yaml");
  const look: Scene["look"] = async ({ asked = false, policy = {} } = {}) => {
    const shop = { files: ["compose.yaml"], policy };
    await writeFile(configFile, JSON.stringify({ projects: { shop } }));
    const report = (event: World["events"][number]): void => void world.events.push(event);
    const { id: engineId } = await world.engine.info(never);
    const watchEdits = () => (): boolean => false;
    const settings = {
      engineId,
      asked,
      fresh: asked,
      watchEdits,
      parallelism: 4,
      force: never,
      report,
    };
    const context = { ...world.context, config: await readConfig(configFile, never) };
    return pass(context, "shop", settings, never);
  };
  const scene: Scene = {
    ...{ ...world, file, look },
    write: (text) => writeFile(file, text),
    imageOf: async (name) => (await world.engine.inspectContainer(name, never))?.config.Image,
  };
  await scene.write(compose());
  expect(await look()).toMatchObject({ outcome: "worked" });
  await work(scene);
}
