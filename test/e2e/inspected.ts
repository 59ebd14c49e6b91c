/** What the engine has of a project, without what is another each time. */
import type { Home, Project } from "./cli.ts";
import { compared } from "./compared.ts";

type Shown = Readonly<Record<string, unknown>>;

interface Container {
  readonly Name: string;
  readonly Id: string;
  readonly Config: Shown;
  readonly HostConfig: Shown;
  readonly Mounts: readonly Shown[];
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, Shown>> };
}

/** By kind and name. */
export async function inspected(home: Home, project: Project): Promise<Shown> {
  const found: Record<string, unknown> = {};
  const shown = async <T>(kind: string, name: string): Promise<T> => {
    const { stdout } = await home.run("docker", ["inspect", "--type", kind, name]);
    return (JSON.parse(stdout) as readonly [T])[0];
  };
  // The addresses of a network that does not choose its own are chosen by whoever makes it.
  const shownObject = async (kind: string, name: string): Promise<Shown> => {
    const { IPAM, ...rest } = await shown<Shown>(kind, name);
    return name.endsWith("_default") ? rest : { ...rest, IPAM };
  };
  const containers = await Promise.all(
    (await project.containers()).map((line) => shown<Container>("container", line.split(" ")[0]!)),
  );
  const names = new Map(containers.map(({ Id, Name }) => [Id, Name.slice(1)]));
  for (const one of containers) found[`container ${one.Name}`] = ofContainer(one, names);
  for (const line of await project.left()) {
    const [kind = "", name = ""] = line.split(" ");
    if (kind !== "container") found[line] = compared(await shownObject(kind, name));
  }
  return found;
}

function ofContainer(container: Container, names: ReadonlyMap<string, string>): unknown {
  const { Config, HostConfig, Mounts, NetworkSettings } = container;
  const networks = Object.entries(NetworkSettings.Networks).map(([network, endpoint]) => {
    const { Aliases, Links, IPAMConfig, DriverOpts, MacAddress } = endpoint;
    const fixed = network.endsWith("_fixed") ? { IPAMConfig, MacAddress } : {};
    return [network, { Aliases, Links, DriverOpts, ...fixed }] as const;
  });
  const parts = { ...{ Config, HostConfig, Mounts }, networks: Object.fromEntries(networks) };
  // Whoever lives with another has that one's id in its hash.
  const joined = String(HostConfig["NetworkMode"]).startsWith("container:");
  const kept = /(?<!config-hash":")\b[0-9a-f]{64}\b/g;
  const text = JSON.stringify(compared(parts)).replaceAll(
    joined ? /\b[0-9a-f]{64}\b/g : kept,
    // All other words of this length name anonymous volumes.
    (id) => (names.has(id) ? id : "generated"),
  );
  const named = [...names].reduce(
    (now, [id, name]) => now.replaceAll(id, name).replaceAll(id.slice(0, 12), `id-of-${name}`),
    text,
  );
  return JSON.parse(named) as unknown;
}
