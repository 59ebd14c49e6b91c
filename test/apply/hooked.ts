/** A world that tells what was run around the starts and stops of its containers. */
import type { ApplyContext } from "../../src/apply/context.ts";
import type { DesiredService } from "../../src/model/desired.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { createWeb, createWorld, desiredOf, never, network, planOf, service } from "./fixture.ts";
import type { World } from "./fixture.ts";

export const NAME = "shop-web-1";

const HOOKED: ServiceModel = {
  restart: "always",
  post_start: [{ command: ["announce"], user: "root", environment: { A: "1", B: null } }],
  pre_stop: [{ command: ["withdraw"], working_dir: "/srv" }],
};

export const web = (model: ServiceModel, more: Partial<DesiredService> = {}) =>
  service("web", { ...HOOKED, ...model }, more);

interface Options {
  /** Commands that end with 3. */
  readonly failing?: Set<string>;
  /** Images whose program ends with this. */
  readonly ends?: Readonly<Record<string, number>>;
}

/**
 * A world that tells what was run where, in order: `container command`, and `start container`; and by id
 * what each container has heard.
 */
export function watched({ failing = new Set(), ends = { "before:1": 0 } }: Options = {}) {
  const world = createWorld();
  for (const [image, code] of Object.entries(ends))
    world.engine.addImage(image, { exits: { code } });
  const { engine } = world;
  const ran: string[] = [];
  const heard = new Map<string, string[]>();
  const hear = (id: string, what: string): void => {
    heard.set(id, [...(heard.get(id) ?? []), what]);
  };
  const nameOf = async (id: string): Promise<string> =>
    (await engine.inspectContainer(id, never))?.name.replace(/-[0-9a-f]{8}$/, "") ?? id;
  const watching: ApplyContext["engine"] = {
    ...engine,
    async exec(id, request, streams, signal) {
      ran.push(`${await nameOf(id)} ${request.argv.join(" ")}`);
      hear(id, request.argv[0] ?? "");
      if (failing.has(request.argv[0] ?? "")) {
        streams.output(Buffer.from("no such registry\n"));
        return 3;
      }
      return engine.exec(id, request, streams, signal);
    },
    async startContainer(id, signal) {
      ran.push(`start ${await nameOf(id)}`);
      hear(id, "start");
      // Each run of a container is told from the one before by when it began.
      await world.clock.sleep(1, signal);
      await engine.startContainer(id, signal);
    },
  };
  return { ...world, ran, heard, watching };
}

export type Watched = ReturnType<typeof watched>;

export async function up(
  world: Watched,
  wanted: DesiredService,
  plan = planOf([network, createWeb]),
) {
  return world.run(desiredOf(wanted), plan, { engine: world.watching });
}

export async function runs(world: World): Promise<readonly string[]> {
  const { containers } = await world.engine.listProject("shop", never);
  return containers.map(({ name, image, state }) => `${name} ${image} ${state}`);
}

export async function replace(
  world: Watched,
  wanted: DesiredService,
  method: "blue-green" | "stop-first",
) {
  const { id: oldId } = (await world.engine.inspectContainer(NAME, never))!;
  const names = { name: NAME, oldId, oldName: NAME, number: 1, expectedDowntimeMs: 0 };
  const plan = planOf([{ kind: "replace-container", service: "web", method, ...names }]);
  return { plan, outcome: () => up(world, wanted, plan) };
}

export type Kind = "start-container" | "restart-container" | "stop-container";

export const act = (kind: Kind, containerId: string) =>
  planOf([{ kind, service: "web", containerId }]);

/** One that runs as app:1, and what it hears from now on. */
export async function standing(failing: Set<string>, wanted = web({})) {
  const world = watched({ failing });
  await up(world, wanted);
  const { id } = (await world.engine.inspectContainer(NAME, never))!;
  world.heard.clear();
  return { ...world, id, failing, heardBy: () => world.heard.get(id) ?? [] };
}

/** What a run that was killed would have left to do. */
export async function openEntries(world: World): Promise<readonly string[]> {
  const { journal } = await world.context(desiredOf(web({})));
  const isOpen = ({ status }: { status: string }) => /progress|rolling/.test(status);
  return (await journal.list("shop")).filter(isOpen).map(({ method }) => method);
}
