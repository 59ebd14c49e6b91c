/** The parts of the Engine API's answers that are read here, in its own spelling. */
import type { CreateBody, HostConfig } from "../model/engine.ts";

export interface WireVersion {
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
}

export interface WireInfo {
  readonly ID: string;
  readonly Name: string;
  readonly ServerVersion: string;
  readonly OperatingSystem: string;
  readonly KernelVersion: string;
}

export interface WireEndpoint {
  readonly NetworkID: string;
  readonly IPAddress: string;
  readonly GlobalIPv6Address: string;
  readonly Aliases?: readonly string[] | null;
  readonly Links?: readonly string[] | null;
  readonly DriverOpts?: Readonly<Record<string, string>> | null;
  readonly GwPriority?: number;
}

export interface WireMount {
  readonly Type: string;
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  readonly RW: boolean;
}

export interface WireContainerRow {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  readonly Created: number;
  readonly State: string;
  readonly Status: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly HostConfig?: { readonly NetworkMode?: string };
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, WireEndpoint>> | null };
  readonly Mounts?: readonly WireMount[] | null;
  readonly Ports?:
    readonly { readonly IP?: string; readonly PublicPort?: number; readonly Type: string }[] | null;
}

export interface WireContainer {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly Created: string;
  readonly RestartCount: number;
  readonly State: {
    readonly Status: string;
    readonly ExitCode: number;
    readonly Pid: number;
    readonly StartedAt: string;
    readonly Error: string;
    readonly OOMKilled: boolean;
    readonly Health?: {
      readonly Status: string;
      readonly Log?: readonly { readonly Output: string }[] | null;
    } | null;
  };
  readonly Config: Omit<CreateBody, "HostConfig" | "NetworkingConfig" | "Labels" | "Env"> & {
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Env?: readonly string[] | null;
  };
  readonly HostConfig: HostConfig;
  readonly NetworkSettings: { readonly Networks?: Readonly<Record<string, WireEndpoint>> | null };
  readonly Mounts?: readonly WireMount[] | null;
}

export interface WireNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Internal: boolean;
  readonly Attachable?: boolean;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6?: boolean;
  readonly Options?: Readonly<Record<string, string>> | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly IPAM?: {
    readonly Driver?: string;
    readonly Options?: Readonly<Record<string, string>> | null;
    readonly Config?:
      | readonly {
          readonly Subnet?: string;
          readonly IPRange?: string;
          readonly Gateway?: string;
          readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
        }[]
      | null;
  };
  readonly Containers?: Readonly<
    Record<string, { readonly IPv4Address: string; readonly IPv6Address: string }>
  > | null;
}

export interface WireVolume {
  readonly Name: string;
  readonly Driver: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

export interface WireImage {
  readonly Id: string;
  readonly RepoDigests?: readonly string[] | null;
  readonly Metadata?: { readonly LastTagTime?: string } | null;
  readonly Os: string;
  readonly Architecture: string;
  readonly Config?: {
    readonly User?: string;
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly Env?: readonly string[] | null;
    readonly Volumes?: Readonly<Record<string, unknown>> | null;
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
    readonly Healthcheck?: {
      readonly Test?: readonly string[] | null;
      readonly Interval?: number;
    } | null;
  } | null;
}

export interface WireEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: {
    readonly ID: string;
    readonly Attributes?: Readonly<Record<string, string>> | null;
  };
  readonly time: number;
  readonly timeNano: number;
}
