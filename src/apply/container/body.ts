/** What is added to the body that the compose model alone gives. Pure. */
import type { CreateBody, EndpointConfig, MountSpec, RestartPolicy } from "../../model/engine.ts";
import type { ContainerDetail, ImageDetail } from "../../model/observed.ts";
import type { ServiceModel } from "../../model/project.ts";

export interface Additions {
  /** Values take the place of references. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** Variables that the container gets in another way. */
  readonly hidden: ReadonlySet<string>;
  readonly labels: Readonly<Record<string, string>>;
  readonly mounts: readonly MountSpec[];
  /** Undefined: the service's own. */
  readonly restartPolicy: RestartPolicy | undefined;
  /** By the engine's name of the network. */
  readonly addresses: ReadonlyMap<string, EndpointAddress>;
}

export interface EndpointAddress {
  readonly ipv4?: string;
  readonly ipv6?: string;
}

export function completeBody(body: CreateBody, additions: Additions): CreateBody {
  const { environment, hidden, labels, mounts, restartPolicy, addresses } = additions;
  const added = new Set(mounts.map(({ Target }) => Target));
  const kept = (body.HostConfig.Mounts ?? []).filter(({ Target }) => !added.has(Target));
  return {
    ...body,
    Env: withEnvironment(body.Env, environment).filter((entry) => !hidden.has(nameOf(entry))),
    Labels: { ...body.Labels, ...labels },
    HostConfig: {
      ...body.HostConfig,
      Mounts: [...kept, ...mounts],
      ...(restartPolicy === undefined ? {} : { RestartPolicy: restartPolicy }),
    },
    NetworkingConfig: {
      EndpointsConfig: withAddresses(body.NetworkingConfig.EndpointsConfig, addresses),
    },
  };
}

/** On its networks, and found there by nobody who asks for the service. */
export function withoutAliases(body: CreateBody): CreateBody {
  const endpoints = Object.entries(body.NetworkingConfig.EndpointsConfig);
  return {
    ...body,
    NetworkingConfig: {
      EndpointsConfig: Object.fromEntries(
        endpoints.map(([network, endpoint]) => [network, { ...endpoint, Aliases: [] }]),
      ),
    },
  };
}

function withEnvironment(
  env: readonly string[],
  environment: Readonly<Record<string, string | null>>,
): readonly string[] {
  const others = env.filter((entry) => !Object.hasOwn(environment, nameOf(entry)));
  const own = Object.entries(environment).map(([name, value]) =>
    value === null ? name : `${name}=${value}`,
  );
  return [...others, ...own].sort();
}

function nameOf(entry: string): string {
  return entry.split("=", 1)[0] ?? "";
}

function withAddresses(
  endpoints: Readonly<Record<string, EndpointConfig>>,
  addresses: ReadonlyMap<string, EndpointAddress>,
): Readonly<Record<string, EndpointConfig>> {
  return Object.fromEntries(
    Object.entries(endpoints).map(([network, endpoint]) => {
      const { ipv4, ipv6 } = addresses.get(network) ?? {};
      if (ipv4 === undefined && ipv6 === undefined) return [network, endpoint];
      const IPAMConfig = {
        ...endpoint.IPAMConfig,
        ...(ipv4 === undefined ? {} : { IPv4Address: ipv4 }),
        ...(ipv6 === undefined ? {} : { IPv6Address: ipv6 }),
      };
      return [network, { ...endpoint, IPAMConfig }];
    }),
  );
}

/** The old container's anonymous volumes, at the places where the new one would get empty ones. */
export function inheritedVolumes(
  old: ContainerDetail | undefined,
  service: ServiceModel,
  image: ImageDetail,
): readonly MountSpec[] {
  // Compose lets the old volume stand above a tmpfs that has come to its place; here the file is right.
  const mounted = new Set([
    ...(service.volumes ?? []).map(({ target }) => target),
    ...(service.tmpfs ?? []).map((entry) => entry.split(":", 1)[0] ?? entry),
  ]);
  const anonymous = new Set([
    ...image.volumes.filter((target) => !mounted.has(target)),
    ...(service.volumes ?? [])
      .filter(({ type, source }) => type === "volume" && (source ?? "") === "")
      .map(({ target }) => target),
  ]);
  return (old?.mounts ?? []).flatMap(({ type, name, target, writable }) =>
    type === "volume" && name !== undefined && anonymous.has(target)
      ? [{ Type: "volume" as const, Source: name, Target: target, ReadOnly: !writable }]
      : [],
  );
}
