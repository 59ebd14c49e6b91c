/**
 * What DSO asks of an engine and what it is told, as data. `CreateBody` and its
 * parts are the Engine API's own JSON (the wire format, not an SDK's type).
 */

export interface CreateBody {
  readonly Image: string;
  readonly Cmd?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  /** `KEY=value`, or `KEY` to unset what the image sets. */
  readonly Env: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
  readonly Hostname?: string;
  readonly Domainname?: string;
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly Tty?: boolean;
  readonly OpenStdin?: boolean;
  readonly StdinOnce?: boolean;
  readonly AttachStdin?: boolean;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  readonly Healthcheck?: Healthcheck;
  readonly StopSignal?: string;
  /** Seconds. */
  readonly StopTimeout?: number;
  readonly Volumes?: Readonly<Record<string, Record<string, never>>>;
  readonly MacAddress?: string;
  readonly NetworkDisabled?: boolean;
  readonly HostConfig: HostConfig;
  readonly NetworkingConfig: {
    readonly EndpointsConfig: Readonly<Record<string, EndpointConfig>>;
  };
}

/** Durations in nanoseconds. */
export interface Healthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly Retries?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
}

export interface HostConfig {
  readonly Binds?: readonly string[];
  readonly Mounts?: readonly MountSpec[];
  readonly RestartPolicy?: RestartPolicy;
  readonly NetworkMode?: string;
  readonly PortBindings?: Readonly<
    Record<string, readonly { readonly HostIp?: string; readonly HostPort: string }[]>
  >;
  readonly Privileged?: boolean;
  readonly [key: string]: unknown;
}

export interface MountSpec {
  readonly Type: "bind" | "volume" | "tmpfs" | "image" | "npipe" | "cluster";
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: Readonly<Record<string, unknown>>;
  readonly VolumeOptions?: Readonly<Record<string, unknown>>;
  readonly TmpfsOptions?: Readonly<Record<string, unknown>>;
  readonly ImageOptions?: Readonly<Record<string, unknown>>;
}

export interface RestartPolicy {
  readonly Name: "" | "no" | "always" | "unless-stopped" | "on-failure";
  readonly MaximumRetryCount?: number;
}

export interface EndpointConfig {
  readonly Aliases?: readonly string[];
  readonly Links?: readonly string[];
  readonly IPAMConfig?: {
    readonly IPv4Address?: string;
    readonly IPv6Address?: string;
    readonly LinkLocalIPs?: readonly string[];
  };
  readonly MacAddress?: string;
  readonly DriverOpts?: Readonly<Record<string, string>>;
  readonly GwPriority?: number;
}

/** All that an endpoint is made with beside its names and its addresses. */
export type EndpointOptions = Omit<EndpointConfig, "Aliases" | "IPAMConfig">;

export interface NetworkBody {
  readonly Name: string;
  readonly Driver?: string;
  readonly Internal?: boolean;
  readonly Attachable?: boolean;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6?: boolean;
  readonly IPAM?: {
    readonly Driver?: string;
    readonly Config?: readonly {
      readonly Subnet?: string;
      readonly Gateway?: string;
      readonly IPRange?: string;
      readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
    }[];
    readonly Options?: Readonly<Record<string, string>>;
  };
  readonly Options?: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface VolumeBody {
  readonly Name: string;
  readonly Driver?: string;
  readonly DriverOpts?: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
}
