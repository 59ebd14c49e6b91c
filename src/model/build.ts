/** The port of what builds images, and what it is asked for. */
import type { Position } from "./errors.ts";
import type { BuildModel, FileSourceModel } from "./project.ts";

/**
 * Builds images; the engine's own builder program does it. Rejects with `build-failed`, and with
 * `compose-unsupported` or `compose-invalid` for what no builder at hand can do.
 */
export interface ImageBuilder {
  build(
    request: BuildRequest,
    progress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

export interface BuildRequest {
  readonly tag: string;
  readonly build: BuildModel;
  readonly labels: Readonly<Record<string, string>>;
  /** The project's `secrets:` entries that `build.secrets` names, by their key. */
  readonly secrets?: ReadonlyMap<string, FileSourceModel>;
  readonly platform?: string;
  /** Where a field of `build` stands in the compose file. */
  readonly positionOf?: (field: string) => Position | undefined;
}
