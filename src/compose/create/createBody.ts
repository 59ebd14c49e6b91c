/** The Engine API's bodies of what a project consists of, as Compose would send them. Pure. */
import type { CreateBody, Healthcheck, NetworkBody, VolumeBody } from "../../model/engine.ts";
import { COMPOSE, DSO } from "../../model/labels.ts";
import type {
  ComposeProject,
  HealthcheckModel,
  NetworkModel,
  ServiceModel,
} from "../../model/project.ts";
import type { CreateContext } from "./context.ts";
import { refusal } from "./context.ts";
import { requireFeature } from "./features.ts";
import { hostConfig } from "./host.ts";
import { COMPOSE_VERSION, containerLabels } from "./labels.ts";
import { networking } from "./networks.ts";
import { exposedPorts } from "./ports.ts";
import { compact } from "./resources.ts";
import { type HashDialect, networkHash, volumeHash } from "../output/hash.ts";
import { parseGoDuration } from "../units.ts";

export type { CreateContext } from "./context.ts";

/**
 * Rejects with `compose-unsupported` when the engine is too old for a field, and
 * with `dependency-failed` when a service that this one joins has no container.
 */
export function createBody(service: ServiceModel, context: CreateContext): CreateBody {
  const { mode, mac, endpoints } = networking(service, context);
  return {
    Image: context.image,
    Env: environmentOf(service, context),
    Labels: containerLabels(service, context),
    ExposedPorts: exposedPorts(service),
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    ...compact({
      Cmd: service.command ?? undefined,
      Entrypoint: service.entrypoint ?? undefined,
      Hostname: service.hostname,
      Domainname: service.domainname,
      User: service.user,
      WorkingDir: service.working_dir,
      Tty: service.tty,
      OpenStdin: service.stdin_open,
      MacAddress: mac,
      NetworkDisabled: mode === "disabled" ? true : undefined,
      StopSignal: service.stop_signal,
      StopTimeout: wholeSeconds(service.stop_grace_period),
      Healthcheck: healthcheck(service.healthcheck, context),
    }),
    HostConfig: hostConfig(service, mode, context),
    NetworkingConfig: { EndpointsConfig: endpoints },
  };
}

/** `KEY=value`; `KEY` alone unsets what the image sets. */
function environmentOf(
  { environment }: ServiceModel,
  { proxies }: CreateContext,
): readonly string[] {
  return Object.entries({ ...proxies, ...environment }).map(([name, value]) =>
    value === null ? name : `${name}=${value}`,
  );
}

function wholeSeconds(duration: string | undefined): number | undefined {
  const length = nanoseconds(duration);
  return length === undefined ? undefined : Math.floor(length / 1e9);
}

function nanoseconds(duration: string | undefined): number | undefined {
  if (duration === undefined) return undefined;
  return Number(parseGoDuration(duration) ?? 0n);
}

function healthcheck(
  model: HealthcheckModel | undefined,
  context: CreateContext,
): Healthcheck | undefined {
  if (model === undefined) return undefined;
  if (model.disable === true) return { Test: ["NONE"] };
  if (model.start_interval !== undefined) {
    const field = ["healthcheck", "start_interval"];
    requireFeature(context, "startInterval", ...field);
    if (model.start_period === undefined) {
      throw refusal(context, field, "means nothing without start_period", "Add a start_period.");
    }
  }
  return compact({
    Test: model.test,
    Interval: nanoseconds(model.interval),
    Timeout: nanoseconds(model.timeout),
    Retries: model.retries,
    StartPeriod: nanoseconds(model.start_period),
    StartInterval: nanoseconds(model.start_interval),
  });
}

/** For a network of the project that is not external; `dsoVersion` goes into its labels. */
export function networkBody(
  project: ComposeProject,
  key: string,
  dsoVersion: string,
  dialect: HashDialect,
): NetworkBody {
  const network = project.networks.get(key);
  if (network === undefined) throw new Error(`networkBody: no network ${key}`);
  return {
    Name: network.name,
    Labels: {
      ...network.labels,
      [COMPOSE.network]: key,
      [COMPOSE.project]: project.name,
      [COMPOSE.version]: COMPOSE_VERSION,
      [COMPOSE.configHash]: networkHash(network, dialect),
      [DSO.version]: dsoVersion,
    },
    ...compact({
      Driver: network.driver,
      Internal: network.internal,
      Attachable: network.attachable,
      EnableIPv4: network.enable_ipv4,
      EnableIPv6: network.enable_ipv6,
      IPAM: ipam(network.ipam),
      Options: network.driver_opts,
    }),
  };
}

function ipam(model: NetworkModel["ipam"]): NetworkBody["IPAM"] {
  if (model === undefined || Object.keys(model).length === 0) return undefined;
  return compact({
    Driver: model.driver,
    Options: model.options,
    Config: model.config?.map((pool) =>
      compact({
        Subnet: pool.subnet,
        Gateway: pool.gateway,
        IPRange: pool.ip_range,
        AuxiliaryAddresses: pool.aux_addresses,
      }),
    ),
  });
}

/** For a volume of the project that is not external. */
export function volumeBody(project: ComposeProject, key: string, dsoVersion: string): VolumeBody {
  const volume = project.volumes.get(key);
  if (volume === undefined) throw new Error(`volumeBody: no volume ${key}`);
  return {
    Name: volume.name,
    Labels: {
      ...volume.labels,
      [COMPOSE.volume]: key,
      [COMPOSE.project]: project.name,
      [COMPOSE.version]: COMPOSE_VERSION,
      [COMPOSE.configHash]: volumeHash(volume),
      [DSO.version]: dsoVersion,
    },
    ...compact({ Driver: volume.driver, DriverOpts: volume.driver_opts }),
  };
}
