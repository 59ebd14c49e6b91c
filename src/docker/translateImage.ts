/** What an image is made to be run as, from the engine's JSON. Pure. */
import { posix } from "node:path";
import { DEFAULT_CHECK_MS } from "../model/desired.ts";
import type { ImageDetail } from "../model/observed.ts";
import type { WireImage } from "./wire.ts";

export function toImage(wire: WireImage): ImageDetail {
  const config = wire.Config ?? {};
  return {
    id: wire.Id,
    digests: wire.RepoDigests ?? [],
    taggedAt: tagTime(wire),
    user: config.User ?? "",
    entrypoint: config.Entrypoint ?? null,
    command: config.Cmd ?? null,
    environment: config.Env ?? [],
    // `VOLUME /data/` is mounted at /data.
    volumes: Object.keys(config.Volumes ?? {})
      .map((target) => posix.resolve("/", target))
      .sort(),
    healthcheckTest: isChecked(config.Healthcheck) ? (config.Healthcheck?.Test ?? []) : undefined,
    healthcheckIntervalMs: checkInterval(config.Healthcheck),
    exposedPorts: Object.keys(config.ExposedPorts ?? {}).sort(),
    os: wire.Os,
    arch: wire.Architecture,
  };
}

/** An image that came by a pull has the year 1 for it, or none. */
function tagTime({ Metadata }: WireImage): number | undefined {
  const time = Date.parse(Metadata?.LastTagTime ?? "");
  return time > 0 ? time : undefined;
}

type WireCheck = NonNullable<WireImage["Config"]>["Healthcheck"];

function isChecked(check: WireCheck): boolean {
  const [kind = "NONE"] = check?.Test ?? [];
  return kind !== "NONE";
}

function checkInterval(check: WireCheck): number | undefined {
  if (!isChecked(check)) return undefined;
  const interval = check?.Interval ?? 0;
  return interval === 0 ? DEFAULT_CHECK_MS : interval / 1e6;
}
