/** The same container, with a program before its own that brings the variables. Pure. */
import type { CreateBody, Healthcheck, MountSpec } from "../../model/engine.ts";
import type { ImageDetail } from "../../model/observed.ts";
import { prefixOf, type Sealer, SHIM_TARGET } from "../../model/sealing.ts";

type Image = Pick<ImageDetail, "entrypoint" | "command" | "healthcheckTest">;

/** It is no secret, so that it may lie on a disk. */
export function shimMount(path: string): MountSpec {
  return { Type: "bind", Source: path, Target: SHIM_TARGET, ReadOnly: true, BindOptions: {} };
}

/** Without any program it is left as it is: the engine says what is wrong with that. */
export function seal(body: CreateBody, image: Image, sealer: Sealer): CreateBody {
  const { entrypoint, command } = effective(body, image);
  if (entrypoint.length + command.length === 0) return body;
  const prefix = prefixOf(sealer);
  const check = sealedCheck(body.Healthcheck, image, prefix);
  return {
    ...body,
    Entrypoint: [...prefix, ...entrypoint],
    Cmd: command,
    ...(check === undefined ? {} : { Healthcheck: check }),
  };
}

/**
 * What the engine would run: an entrypoint of the service hides the image's command, an empty one hides
 * the image's entrypoint alone, and `[""]` both.
 */
export function effective(
  { Entrypoint: own, Cmd }: Pick<CreateBody, "Entrypoint" | "Cmd">,
  image: Pick<ImageDetail, "entrypoint" | "command">,
): { readonly entrypoint: readonly string[]; readonly command: readonly string[] } {
  const entrypoint = own ?? image.entrypoint ?? [];
  const given = Cmd ?? [];
  const command = given.length === 0 && (own ?? []).length === 0 ? (image.command ?? []) : given;
  return { entrypoint: entrypoint.length === 1 && entrypoint[0] === "" ? [] : entrypoint, command };
}

/** Undefined where there is no check, or none is wanted. */
function sealedCheck(
  own: Healthcheck | undefined,
  image: Image,
  prefix: readonly string[],
): Healthcheck | undefined {
  const test = (own?.Test ?? []).length > 0 ? own?.Test : image.healthcheckTest;
  const [kind, ...rest] = test ?? [];
  if (kind === "CMD") return { ...own, Test: ["CMD", ...prefix, ...rest] };
  if (kind !== "CMD-SHELL") return undefined;
  // Whatever SHELL the image was built with: the engine runs no check with that.
  return { ...own, Test: ["CMD", ...prefix, "/bin/sh", "-c", ...rest] };
}
