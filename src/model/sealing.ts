/** How variables with values come into a container without standing in its configuration. Pure. */
import type { DesiredService } from "./desired.ts";
import { DsoError, type Position } from "./errors.ts";
import type { ImageDetail } from "./observed.ts";

/** Where the program is bound that reads the variables, and the file that it reads. */
export const SHIM_TARGET = "/.dso/shim";
export const VARIABLES_TARGET = "/.dso/environment";

/** `shim`: our static program. `shell`: the image's /bin/sh, which knows no variable but identifiers. */
export type Sealer = "shim" | "shell";

const SHIM_PREFIX = [SHIM_TARGET, VARIABLES_TARGET];
/** `sh` is what the shell calls itself in its messages. */
const SHELL_PREFIX = ["/bin/sh", "-c", `. ${VARIABLES_TARGET}; exec "$@"`, "sh"];

/** What stands before a program and its arguments, so that it gets the variables. */
export function prefixOf(sealer: Sealer): readonly string[] {
  return sealer === "shim" ? SHIM_PREFIX : SHELL_PREFIX;
}

/** What stands before the program of a container that is there; empty where nothing is sealed. */
export function prefixIn(entrypoint: readonly string[] | null | undefined): readonly string[] {
  const begins = (prefix: readonly string[]): boolean =>
    prefix.every((word, index) => entrypoint?.[index] === word);
  return [SHIM_PREFIX, SHELL_PREFIX].find(begins) ?? [];
}

/** What has sealed a container that is there; undefined where nothing is sealed. */
export function sealerIn(entrypoint: readonly string[] | null | undefined): Sealer | undefined {
  const prefix = prefixIn(entrypoint);
  if (prefix.length === 0) return undefined;
  return prefix === SHIM_PREFIX ? "shim" : "shell";
}

/** Whether a command run as `user` may read them: the file is the program's user's alone, and root's. */
export function mayRead(user: string | undefined, own: string): boolean {
  return user === undefined || user === own || /^(0|root)(:|$)/.test(user);
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Dash, bash or busybox sets these by itself, or lets nobody set them; some end where one is set. */
const KEPT =
  /^(BASH.*|DIRSTACK|EPOCH.*|EUID|FUNCNAME|GROUPS|HISTCMD|LINENO|OPTIND|PPID|RANDOM|SECONDS|SHELLOPTS|SHLVL|SRANDOM|UID|_)$/;
/** One of them passes these on in another form than it was given them, or not at all. */
const CHANGED =
  /^(BASH.*|EPOCH.*|HISTCMD|IFS|LINENO|OLDPWD|OPTERR|OPTIND|PPID|PS[124]|PWD|RANDOM|SHELLOPTS|SHLVL|SRANDOM|_)$/;

export interface Surroundings {
  /** The static program can be had for this machine. */
  readonly shim: boolean;
  /** Undefined: it is pulled or built first. */
  readonly image: Pick<ImageDetail, "environment"> | undefined;
}

/** Variables of the service that hold a value of a secret. */
export function sealedNames({ bindings }: Pick<DesiredService, "bindings">): readonly string[] {
  return bindings.flatMap(({ place, grade }) =>
    place.kind === "environment" && grade === "sealed" ? [place.name] : [],
  );
}

/** What can seal the service's variables; `unknown` until its image is there, undefined where nothing can. */
export function sealerFor(
  { bindings, model }: Pick<DesiredService, "bindings" | "model">,
  { shim, image }: Surroundings,
): Sealer | "unknown" | undefined {
  if (shim) return "shim";
  if (image === undefined) return "unknown";
  const sealed = new Set(sealedNames({ bindings }));
  const inherited = image.environment.map((entry) => entry.split("=", 1)[0] ?? "");
  const names = [...inherited, ...Object.keys(model.environment ?? {})];
  // A shell drops the others silently, the image's too.
  const passes = (name: string): boolean =>
    IDENTIFIER.test(name) && !(sealed.has(name) ? KEPT : CHANGED).test(name);
  return names.every(passes) ? "shell" : undefined;
}

export const NO_SHIM = "this release has no shim for this machine";

/** The service is to be sealed, and nothing here can do it. */
export function sealingRefused(service: string, why: string, position?: Position): DsoError {
  return new DsoError(
    "policy-refused",
    `service "${service}": its variables cannot be sealed: ${NO_SHIM}, and ${why}`,
    {
      hint: "Deliver them as files with dsofile://, or choose env: exposed knowingly.",
      ...(position && { position }),
    },
  );
}
