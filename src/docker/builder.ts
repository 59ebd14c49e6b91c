import { DsoError } from "../model/errors.ts";
import type { ImageBuilder } from "../model/build.ts";
import { buildCommand, type BuildCommand } from "./buildArguments.ts";
import { chooseBuilder, NO_BUILDKIT } from "./buildFields.ts";
import { childEnvironment, type EngineConnection, type Environment } from "./connection.ts";
import { printable } from "./errors.ts";
import { lines } from "./lines.ts";

export interface BuilderOptions {
  readonly connection: EngineConnection;
  /** Allow-listed for the child, and looked up for build arguments and secrets without a value. */
  readonly env: Environment;
  readonly dockerProgram: string;
}

type Program = (
  command: BuildCommand,
  heard: (line: string) => void,
  signal: AbortSignal,
) => Promise<number>;

/** Builds with the user's own `docker build`: BuildKit where it is installed, else the classic builder. */
export function createBuilder({ connection, env, dockerProgram }: BuilderOptions): ImageBuilder {
  const docker: Program = (command, heard, signal) => {
    const passed = { ...allowed(env), ...childEnvironment(connection) };
    return run(
      dockerProgram,
      { ...command, environment: { ...passed, ...command.environment } },
      heard,
      signal,
    );
  };
  return {
    async build(request, progress, signal) {
      const buildkitIsHere = env.DOCKER_BUILDKIT !== "0" && (await hasBuildx(docker, signal));
      const kind = chooseBuilder(request, buildkitIsHere);
      const command = buildCommand(request, env, kind);
      const environment = {
        ...command.environment,
        DOCKER_BUILDKIT: kind === "buildkit" ? "1" : "0",
      };
      const last: string[] = [];
      const heard = (line: string): void => {
        const text = printable(line);
        if (text === "" || (kind === "classic" && ADVICE.test(text))) return;
        last.push(text);
        if (last.length > 10) last.shift();
        progress(text);
      };
      const code = await docker({ ...command, environment }, heard, signal);
      if (code !== 0) throw buildFailed(request.tag, code, last);
    },
  };
}

/** What `docker` says to whoever has set DOCKER_BUILDKIT=0: here it was nobody who could take it back. */
const ADVICE =
  /^(DEPRECATED: The legacy builder is deprecated|BuildKit is currently disabled; enable it|environment-variable\.$)/;

/** What `docker` itself goes by: SOURCE_DATE_EPOCH is an argument of every build then. */
const ALLOWED =
  /^(PATH|HOME|USER|TMPDIR|DOCKER_.*|BUILDKIT_.*|BUILDX_.*|SOURCE_DATE_EPOCH|SSH_AUTH_SOCK|XDG_RUNTIME_DIR|(HTTPS?|NO|ALL|FTP)_PROXY)$/i;

function allowed(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      ALLOWED.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  );
}

async function hasBuildx(docker: Program, signal: AbortSignal): Promise<boolean> {
  const command = { argv: ["buildx", "version"], environment: {}, input: undefined };
  return (await docker(command, () => undefined, signal)) === 0;
}

function buildFailed(tag: string, code: number, last: readonly string[]): DsoError {
  const words = last.join("\n");
  return new DsoError(
    "build-failed",
    `the build of ${tag} failed (exit code ${code}):
${words}`,
    {
      hint: buildHint(words),
    },
  );
}

function buildHint(words: string): string {
  if (/requires? BuildKit/i.test(words)) return NO_BUILDKIT;
  if (/unsupported frontend capability/i.test(words)) {
    return "The engine's own BuildKit is too old for it: it wants a newer engine, or a builder of its own (docker buildx create --use).";
  }
  return "The lines above are the builder's own.";
}

/** A step may print without end, and the last lines stand in the error. */
const LONGEST_LINE = 10_000;

/** Resolves with the exit code; what the program says on either stream goes to `heard` by lines. */
async function run(
  program: string,
  { argv, environment, input }: BuildCommand,
  heard: (line: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const { spawn } = await import("node:child_process");
  signal.throwIfAborted();
  const child = spawn(program, argv, { env: environment, signal, stdio: "pipe" });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve(code ?? 1);
    });
  });
  // A child that dies early closes its input; its exit code tells more.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const tell = async (stream: AsyncIterable<Buffer>): Promise<void> => {
    for await (const line of lines(stream, LONGEST_LINE)) heard(line);
  };
  try {
    const [code] = await Promise.all([ended, tell(child.stdout), tell(child.stderr)]);
    return code;
  } catch (error) {
    signal.throwIfAborted();
    throw notRunnable(program, error);
  }
}

function notRunnable(program: string, error: unknown): unknown {
  if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) return error;
  return new DsoError("build-failed", `the program "${program}" is not installed`, {
    hint: "Images are built with Docker's own CLI: install docker-cli (docker-ce-cli), or build the image elsewhere.",
    cause: error,
  });
}
