/** Compose projects as people may write them, what they change in them, and what happens to them. */
import fc from "fast-check";
import { never, type World } from "./world.ts";

/** A later service may need an earlier one. */
const NAMES = ["alpha", "beta", "gamma", "delta"] as const;

/** Whether a port is free is asked of this host, so every process that runs this has an address of its own. */
const HOST_IP = `127.83.${(process.pid >> 8) & 255}.${process.pid & 255}`;

type Condition = "service_started" | "service_healthy" | "service_completed_successfully";

export interface ServiceDraft {
  readonly kind: "server" | "job";
  readonly tag: "1" | "2";
  readonly level: "info" | "debug";
  readonly secret: "none" | "variable" | "embedded" | "file" | "grant";
  readonly checked: boolean;
  readonly volume: "none" | "named" | "anonymous";
  readonly port: boolean;
  readonly restart: "no" | "always" | "unless-stopped";
  readonly networks: readonly string[];
  readonly needs: readonly string[];
  readonly scale: number;
  readonly named: boolean;
  readonly shares: boolean;
}

/** Undefined: there is no such service. */
export type ProjectDraft = Readonly<Record<string, ServiceDraft | undefined>>;

const serviceDraft = (earlier: readonly string[]): fc.Arbitrary<ServiceDraft> =>
  fc.record({
    kind: fc.constantFrom("server", "server", "server", "job"),
    tag: fc.constantFrom("1", "2"),
    level: fc.constantFrom("info", "debug"),
    secret: fc.constantFrom("none", "variable", "embedded", "file", "grant"),
    checked: fc.boolean(),
    volume: fc.constantFrom("none", "none", "named", "anonymous"),
    port: fc.boolean(),
    restart: fc.constantFrom("no", "always", "unless-stopped"),
    networks: fc.subarray(["default", "front", "back"], { minLength: 1 }),
    needs: fc.subarray([...earlier]),
    scale: fc.integer({ min: 0, max: 3 }),
    named: fc.constantFrom(false, false, true),
    shares: fc.constantFrom(false, false, false, true),
  });

export const projectDraft: fc.Arbitrary<ProjectDraft> = fc
  .record({
    alpha: serviceDraft([]),
    beta: fc.option(serviceDraft(NAMES.slice(0, 1)), { nil: undefined }),
    gamma: fc.option(serviceDraft(NAMES.slice(0, 2)), { nil: undefined }),
    delta: fc.option(serviceDraft(NAMES.slice(0, 3)), { nil: undefined }),
  })
  .map((draft): ProjectDraft => draft);

/** The compose file of a draft. What does not go together (a port and three replicas) gives way. */
export function composeOf(draft: ProjectDraft): string {
  const chosen = Object.entries(draft).flatMap(([name, one]) =>
    one ? [[name, one] as const] : [],
  );
  const needed = new Set(chosen.flatMap(([, { needs }]) => needs));
  const services = chosen.map(([name, one], index) => [
    name,
    serviceOf(draft, name, one, 18_000 + index, needed.has(name)),
  ]);
  return JSON.stringify({
    services: Object.fromEntries(services) as unknown,
    networks: { front: { internal: true }, back: {} },
    volumes: { data: {} },
    secrets: { outside: { external: true, name: "dso://db#user" } },
  });
}

function serviceOf(
  draft: ProjectDraft,
  name: string,
  one: ServiceDraft,
  port: number,
  needed: boolean,
): object {
  const needs = one.needs.filter((other) => draft[other] !== undefined);
  const job = one.kind === "job";
  const parent = needs.find((other) => one.shares && draft[other]?.kind === "server");
  const single = (one.port && parent === undefined) || one.named;
  const scale = single || job ? 1 : needed ? Math.max(1, one.scale) : one.scale;
  return {
    image: `${job ? "job" : "app"}:${one.tag}`,
    scale,
    environment: { LOG: one.level, ...secretVariable(one) },
    ...(one.secret === "grant" ? { secrets: ["outside"] } : {}),
    ...(one.checked && !job ? { healthcheck: { test: ["CMD", "true"], interval: "1s" } } : {}),
    ...(one.volume === "none"
      ? {}
      : { volumes: [one.volume === "named" ? "data:/data" : "/data"] }),
    ...(one.port && !job && parent === undefined ? { ports: [`${HOST_IP}:${port}:80`] } : {}),
    // A server that says "no" and was stopped with 0 could not be told from a job.
    ...(job || one.restart === "no" ? {} : { restart: one.restart }),
    ...(one.named ? { container_name: `my-${name}` } : {}),
    ...(parent === undefined
      ? { networks: Object.fromEntries(one.networks.map((network) => [network, {}])) }
      : { network_mode: `service:${parent}` }),
    depends_on: Object.fromEntries(
      needs.map((other) => [other, { condition: conditionOf(draft[other]) }]),
    ),
  };
}

function secretVariable({ secret }: ServiceDraft): Readonly<Record<string, string>> {
  switch (secret) {
    case "variable":
      return { PASSWORD: "dso://db#password" };
    case "embedded":
      return { URL: "x://app:{{dso://db#password}}@{{dso://api}}/" };
    case "file":
      return { PASSWORD_FILE: "dsofile://db?mode=0400#password" };
    case "none":
    case "grant":
      return {};
  }
}

function conditionOf(needed: ServiceDraft | undefined): Condition {
  if (needed?.kind === "job") return "service_completed_successfully";
  return needed?.checked === true ? "service_healthy" : "service_started";
}

/** Something that changes between two runs. */
export interface Happening {
  readonly what: string;
  /** In the files; else they stay. */
  readonly edit?: (draft: ProjectDraft) => ProjectDraft;
  /** To the secrets or the containers. */
  readonly befall?: (world: World) => Promise<void>;
}

const editOf = (
  name: string,
  what: string,
  part: Partial<ServiceDraft> | undefined,
): Happening => ({
  what: `${what} of ${name}`,
  edit: (draft) => ({ ...draft, [name]: part && draft[name] && { ...draft[name], ...part } }),
});

/** `pick` chooses among the containers of the project, whatever their number. */
const toContainer = (
  what: string,
  pick: number,
  act: (world: World, id: string) => Promise<void> | void,
): Happening => ({
  what: `container ${pick} ${what}`,
  befall: async (world) => {
    const { containers } = await world.engine.listProject("shop", never);
    const chosen = containers[pick % Math.max(1, containers.length)];
    if (chosen !== undefined) await act(world, chosen.id);
  },
});

async function swapNames(engine: World["engine"], pick: number): Promise<void> {
  const { containers } = await engine.listProject("shop", never);
  const [one, other] = [pick, pick + 1].map((at) => containers[at % containers.length]);
  if (one === undefined || other === undefined || one === other) return;
  await engine.renameContainer(one.id, "aside", never);
  await engine.renameContainer(other.id, one.name, never);
  await engine.renameContainer(one.id, other.name, never);
}

export const happening: fc.Arbitrary<Happening> = fc
  .record({
    name: fc.constantFrom(...NAMES),
    pick: fc.nat(11),
    part: serviceDraft([]),
    kind: fc.nat(14),
  })
  .map(({ name, pick, part, kind }): Happening => {
    const { tag, level, scale, secret, networks, volume, checked, restart } = part;
    const all: readonly Happening[] = [
      editOf(name, "image", { tag }),
      editOf(name, "environment", { level }),
      editOf(name, "scale", { scale, port: false, named: false }),
      editOf(name, "secret", { secret }),
      editOf(name, "networks", { networks }),
      editOf(name, "volume", { volume }),
      editOf(name, "health and restart", { checked, restart }),
      ...(name === "alpha" ? [] : [editOf(name, "removal", undefined)]),
      {
        what: "a new version of db",
        befall: async ({ secrets }) => {
          secrets["db"]?.push({ password: `p${pick}`, user: `u${pick}` });
          return Promise.resolve();
        },
      },
      toContainer("stopped", pick, ({ engine }, id) => engine.stopContainer(id, undefined, never)),
      toContainer("removed", pick, ({ engine }, id) =>
        engine.removeContainer(id, { force: true, volumes: false }, never),
      ),
      toContainer("renamed", pick, ({ engine }, id) =>
        engine.renameContainer(id, `mine-${pick}`, never),
      ),
      {
        what: `the names of containers ${pick} and ${pick + 1} swapped`,
        befall: ({ engine }) => swapNames(engine, pick),
      },
      toContainer("crashed", pick, async ({ engine }, id) => {
        const found = await engine.inspectContainer(id, never);
        // Any other policy would bring it back at once.
        const policy = found?.hostConfig.RestartPolicy?.Name ?? "";
        if (policy === "no" || policy === "") engine.crash(id, 1);
      }),
      toContainer("off its networks", pick, async ({ engine }, id) => {
        const found = await engine.inspectContainer(id, never);
        for (const { network } of found?.networks ?? [])
          await engine.disconnectNetwork(network, id, never);
      }),
    ];
    return all[kind % all.length] as Happening;
  });
