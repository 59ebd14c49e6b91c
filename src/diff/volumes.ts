/** Which volumes are made. None is ever made anew or removed here: there is data in them. */
import { volumeHash } from "../compose/output/hash.ts";
import type { DesiredService } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import { modelsOf } from "../model/forerunners.ts";
import { COMPOSE } from "../model/labels.ts";
import type { PlanWarning } from "../model/plan.ts";
import { byText } from "./order.ts";
import { missingExternal, type Situation } from "./situation.ts";

export interface VolumeDecisions {
  /** Compose keys. */
  readonly create: readonly string[];
  readonly keep: readonly string[];
  readonly warnings: readonly PlanWarning[];
}

/** Rejects with `compose-invalid` for a missing external volume and a mount that is nowhere. */
export function decideVolumes(situation: Situation): VolumeDecisions {
  const { desired, observed, selection } = situation;
  refuseRelativeTargets(situation);
  const used = usedVolumes(situation);
  const keys = [...desired.project.volumes.keys()]
    .filter((key) => (selection.partial ? used.has(key) : selection.volume(key) || used.has(key)))
    .sort(byText);
  const isThere = (key: string): boolean => {
    const name = desired.project.volumes.get(key)?.name ?? key;
    return (
      observed.volumes.some((volume) => volume.name === name) || observed.foreignVolumes.has(name)
    );
  };
  const create = keys.filter((key) => !isThere(key));
  for (const key of create) {
    const model = desired.project.volumes.get(key);
    if (model?.external === true) throw missingExternal("volume", key, model.name, desired);
  }
  return {
    create,
    keep: keys.filter(isThere),
    warnings: keys.flatMap((key) => volumeWarning(situation, key)),
  };
}

/** Compose takes them, and the engine would refuse them when other containers have changed. */
function refuseRelativeTargets({ desired, selection }: Situation): void {
  for (const { name, model } of desired.services.values()) {
    if (!selection.service(name)) continue;
    for (const [index, { target }] of (model.volumes ?? []).entries()) {
      if (target.startsWith("/")) continue;
      const position = desired.project.positions.at(["services", name, "volumes", index]);
      throw new DsoError(
        "compose-invalid",
        `services.${name}.volumes[${index}]: the target "${target}" is no absolute path`,
        {
          hint: "A target begins with a slash. What has one letter before the first colon is read as a drive of Windows: give the volume a longer name.",
          ...(position && { position }),
        },
      );
    }
  }
}

function usedVolumes({ desired, selection }: Situation): ReadonlySet<string> {
  const services = [...desired.services.values()].filter(({ name }) => selection.service(name));
  return new Set(services.flatMap(neededVolumes));
}

/** Compose keys of the named volumes of its containers, and of those that run before them. */
export function neededVolumes(service: DesiredService): readonly string[] {
  return modelsOf(service).flatMap(({ volumes = [] }) => volumeKeys(volumes));
}

/** Compose keys of the named volumes among some mounts. */
function volumeKeys(
  mounts: readonly { readonly type: string; readonly source?: string }[],
): readonly string[] {
  return mounts.flatMap(({ type, source }) =>
    type === "volume" && source !== undefined ? [source] : [],
  );
}

function volumeWarning({ desired, observed }: Situation, key: string): readonly PlanWarning[] {
  const model = desired.project.volumes.get(key);
  if (model === undefined || model.external === true) return [];
  const position = desired.project.positions.at(["volumes", key]);
  if (observed.foreignVolumes.has(model.name)) {
    return [
      {
        code: "foreign-volume",
        message: `volume "${model.name}" exists and is not this project's; it is used as it is`,
        hint: `Declare it "external: true" under volumes.${key} to say that this is meant.`,
        position,
      },
    ];
  }
  const hash = observed.volumes.find(({ name }) => name === model.name)?.labels[COMPOSE.configHash];
  if (hash === undefined || hash === "" || hash === volumeHash(model)) return [];
  return [
    {
      code: "volume-differs",
      message: `volume "${model.name}" was made from other settings; it is kept as it is, with its data`,
      hint: "Move the data and remove the volume yourself; the next apply then makes it from the new settings.",
      position,
    },
  ];
}
