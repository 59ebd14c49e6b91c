/** Volumes, secrets and configs as Compose asks the engine for them. */
import type { MountSpec } from "../../model/engine.ts";
import type { FileGrantModel, MountModel, ServiceModel } from "../../model/project.ts";
import { absoluteTarget } from "../bindings/targets.ts";
import type { CreateContext } from "./context.ts";
import { refusal } from "./context.ts";
import { requireFeature } from "./features.ts";
import { compact } from "./resources.ts";

interface Mounted {
  /** The older form: the engine creates a directory that is not there. */
  readonly binds: readonly string[];
  readonly mounts: readonly MountSpec[];
}

export function mountsOf(service: ServiceModel, context: CreateContext): Mounted {
  const volumes = service.volumes ?? [];
  const asBind = volumes.filter((mount) => isBind(mount));
  const asMount = volumes.filter((mount) => !isBind(mount));
  return {
    binds: asBind.map((mount) => bindText(mount, context)),
    mounts: [...asMount.map((mount) => mountSpec(mount, context)), ...files(service, context)],
  };
}

function isBind({ type, source, bind, volume }: MountModel): boolean {
  if (type === "bind") {
    const special = bind?.propagation ?? bind?.recursive;
    return special === undefined && bind?.create_host_path !== false;
  }
  const labels = Object.keys(volume?.labels ?? {}).length;
  const plain = volume?.nocopy !== true && volume?.subpath === undefined && labels === 0;
  return type === "volume" && source !== undefined && source !== "" && plain;
}

function bindText(mount: MountModel, context: CreateContext): string {
  const options = [
    mount.read_only === true ? "ro" : "rw",
    mount.bind?.selinux,
    // Of a directory of the host the engine refuses it.
    mount.volume?.nocopy === true ? "nocopy" : undefined,
  ];
  return `${sourceOf(mount, context)}:${mount.target}:${options.filter(Boolean).join(",")}`;
}

/** The engine knows volumes by their names, not by the keys of the file. */
function sourceOf({ type, source = "" }: MountModel, { project }: CreateContext): string {
  return type === "volume" ? (project.volumes.get(source)?.name ?? source) : source;
}

function mountSpec(mount: MountModel, context: CreateContext): MountSpec {
  const source = sourceOf(mount, context);
  const base = {
    Target: mount.target,
    ...(source === "" ? {} : { Source: source }),
    ...(mount.read_only === true ? { ReadOnly: true } : {}),
    ...(mount.consistency === undefined ? {} : { Consistency: mount.consistency }),
  };
  switch (mount.type) {
    case "bind":
      return { Type: "bind", ...base, BindOptions: bindOptions(mount, context) };
    case "volume":
      return { Type: "volume", ...base, ...volumeOptions(mount, context) };
    case "tmpfs":
      return { Type: "tmpfs", ...base, ...tmpfsOptions(mount) };
    case "image":
      requireFeature(context, "imageMount", "volumes");
      return { Type: "image", ...base, ...imageOptions(mount) };
    default:
      throw refusal(
        context,
        ["volumes"],
        `cannot be of type ${mount.type}`,
        "Use bind, volume, tmpfs or image.",
      );
  }
}

function bindOptions(
  { bind }: MountModel,
  context: CreateContext,
): Readonly<Record<string, unknown>> {
  if (bind?.recursive === "readonly") requireFeature(context, "recursiveReadOnly", "volumes");
  return compact({
    Propagation: bind?.propagation,
    CreateMountpoint: bind?.create_host_path === false ? undefined : true,
    NonRecursive: bind?.recursive === "disabled" ? true : undefined,
    ReadOnlyNonRecursive: bind?.recursive === "writable" ? true : undefined,
    ReadOnlyForceRecursive: bind?.recursive === "readonly" ? true : undefined,
  });
}

function volumeOptions(
  { volume }: MountModel,
  context: CreateContext,
): Pick<MountSpec, "VolumeOptions"> {
  if (volume === undefined) return {};
  if (volume.subpath !== undefined) requireFeature(context, "subpath", "volumes");
  const { nocopy, subpath, labels } = volume;
  return { VolumeOptions: compact({ NoCopy: nocopy, Subpath: subpath, Labels: labels }) };
}

function tmpfsOptions({ tmpfs }: MountModel): Pick<MountSpec, "TmpfsOptions"> {
  if (tmpfs === undefined) return {};
  const { size, mode } = tmpfs;
  return {
    TmpfsOptions: compact({
      SizeBytes: size === undefined ? undefined : Number(size),
      Mode: mode,
    }),
  };
}

function imageOptions({ image }: MountModel): Pick<MountSpec, "ImageOptions"> {
  return image?.subpath === undefined ? {} : { ImageOptions: { Subpath: image.subpath } };
}

/**
 * Secrets and configs that are files of the host, unless the caller delivers them. At one target a
 * volume stands above a secret, and a secret above a config.
 */
function files(service: ServiceModel, context: CreateContext): readonly MountSpec[] {
  const taken = new Set((service.volumes ?? []).map(({ target }) => target));
  const kinds = [
    ["secrets", service.secrets ?? [], "/run/secrets"],
    ["configs", service.configs ?? [], "/"],
  ] as const;
  return kinds.flatMap(([kind, grants, directory]) =>
    grants
      .map((grant) => ({ grant, target: absoluteTarget(grant.target ?? grant.source, directory) }))
      .filter(({ target }) => !context.delivered.has(target) && !taken.has(target))
      .map(({ grant, target }) => {
        taken.add(target);
        return fileMount(kind, grant, target, context);
      }),
  );
}

function fileMount(
  kind: "secrets" | "configs",
  grant: FileGrantModel,
  target: string,
  context: CreateContext,
): MountSpec {
  const file = context.project[kind].get(grant.source)?.file;
  if (file === undefined)
    throw refusal(
      context,
      [kind],
      `uses ${grant.source}, which is no file`,
      "Give it file: or a reference.",
    );
  return { Type: "bind", Source: file, Target: target, ReadOnly: true };
}
