import { stripVTControlCharacters } from "node:util";
import { DsoError, type ErrorCode } from "../model/errors.ts";

/** The engine's own refusal: its HTTP status and words. Turned into a DsoError before it leaves this folder. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(printable(message));
    this.name = "Refusal";
    this.status = status;
  }
}

/** Foreign text on its way to a terminal: one line, no control characters. */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, "")
    .trim();
}

/** Host and port of a "port is taken" message, in the engine's various wordings. */
export function takenPort(message: string): { hostIp: string; port: number } | undefined {
  const found =
    /Bind for (\S+?):(\d+) failed: port is already allocated/.exec(message) ??
    /listen (?:tcp|udp|sctp)\w* (\S*?):(\d+): bind: address already in use/.exec(message) ??
    /bind host port (?:for )?(\S+?):(\d+)[:/ ].*address already in use/.exec(message);
  if (found === null) return undefined;
  return { hostIp: found[1] ?? "", port: Number(found[2]) };
}

interface Reading {
  readonly code: ErrorCode;
  readonly message: (words: string, found: RegExpExecArray) => string;
  readonly hint?: string;
  /** It is complete in itself: what was tried, with the engine's id, adds nothing. */
  readonly alone?: true;
}

const READINGS: readonly (readonly [RegExp, Reading])[] = [
  [
    /container name "\/?([^"]+)" is already in use by container "?([0-9a-f]{12})/,
    {
      code: "engine-conflict",
      message: (_, found) =>
        `the container name "${found[1] ?? ""}" is in use by container ${found[2] ?? ""}`,
      hint: "Remove or rename that container, or choose another `container_name`.",
    },
  ],
  [
    /no space left on device|disk quota exceeded/i,
    {
      code: "disk-full",
      message: (words) => `the engine's disk is full: ${words}`,
      hint: "`docker system df` shows what uses it.",
    },
  ],
  [
    /no such image: ?(\S*)/i,
    {
      code: "image-missing",
      message: (_, found) => `the engine has no image "${found[1] ?? ""}"`,
      hint: "Pull or build it first, or check its name.",
    },
  ],
  [
    /exec: "([^"]*)": (?:stat [^:]*: )?(executable file not found|permission denied|no such file)/,
    {
      code: "engine-refused",
      alone: true,
      message: (_, [, program = "", why]) =>
        why === "permission denied"
          ? `the image's program "${program}" may not be run: permission denied`
          : `the image has no program "${program}"`,
      hint: "Check the service's `command` and `entrypoint` against what the image holds.",
    },
  ],
  [
    /bind source path does not exist: (\S+)/,
    {
      code: "engine-refused",
      message: (_, found) => `the engine's host has no ${found[1] ?? ""} to bind`,
      hint: "Create it, or bind a path that is there.",
    },
  ],
  [
    /address already in use|address is already in use|volume is in use|already exists in network|Pool overlaps|already exists/i,
    { code: "engine-conflict", message: (words) => words },
  ],
];

/** A refusal as the error that people read. `tried` says what was tried: "create container web". */
export function refusalError(refusal: Refusal, tried: string): DsoError {
  const doing = tried.replaceAll(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, "$1");
  const words = refusal.message;
  const taken = takenPort(words);
  if (taken !== undefined) {
    return new DsoError("port-taken", `${doing}: host port ${taken.port} is taken`, {
      hint: "Publish another port, or stop what has it.",
      cause: refusal,
    });
  }
  for (const [pattern, reading] of READINGS) {
    const found = pattern.exec(words);
    if (found === null) continue;
    const message = reading.message(words, found);
    return new DsoError(reading.code, reading.alone ? message : `${doing}: ${message}`, {
      ...(reading.hint === undefined ? {} : { hint: reading.hint }),
      cause: refusal,
    });
  }
  return new DsoError("engine-refused", `${doing}: the engine refused: ${words}`, {
    cause: refusal,
  });
}

/** No answer at all: the engine is not there, or does not let us in. */
export function unreachable(endpoint: string, error: unknown): DsoError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const words = printable(error instanceof Error ? error.message : String(error));
  return new DsoError("engine-unreachable", `no Docker engine at ${endpoint}: ${words}`, {
    hint: unreachableHint(code),
    cause: error,
  });
}

function unreachableHint(code: string): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "This user may not use the engine's socket: add it to the group `docker`, or run as root.";
    case "ENOENT":
      return "There is no such socket: start the engine (`systemctl start docker`), or set DOCKER_HOST or DOCKER_CONTEXT.";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "The host name does not resolve: check DOCKER_HOST or `docker context ls`.";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "CERT_HAS_EXPIRED":
      return "The engine's certificate is not trusted: DOCKER_CERT_PATH or the context must have the ca.pem that signed it.";
    default:
      return "Is the engine running (`systemctl status docker`)? DOCKER_HOST or DOCKER_CONTEXT say where it is looked for.";
  }
}
