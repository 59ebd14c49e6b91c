/** Images of registries: pulled, and asked whether there is a newer one. */
import { DsoError } from "../model/errors.ts";
import { parseImageName } from "../model/imageName.ts";
import type { Engine } from "../model/ports.ts";
import type { Client } from "./client.ts";
import type { EngineConnection } from "./connection.ts";
import { printable, Refusal, refusalError } from "./errors.ts";
import { lines, stalling } from "./lines.ts";

type Pulls = Pick<Engine, "pullImage" | "registryDigest">;

/** A pull that says nothing for this long is stuck. */
const STALL = 120_000;
/** A registry that does not say within this which image a tag means is as good as none. */
const ANSWER = 15_000;

export function pulls(client: Client, connection: EngineConnection): Pulls {
  return {
    async pullImage(reference, options, progress, signal) {
      const { name, tag } = splitReference(reference);
      const call = {
        doing: `pull ${reference}`,
        query: { fromImage: name, tag, platform: options.platform },
        ...(await authorized(connection, reference, signal)),
      };
      await pulling(reference, signal, async (watched, alive) => {
        const body = await client.stream("POST", "/images/create", call, watched);
        for await (const line of lines(body)) {
          alive();
          const text = pullLine(line);
          if (text !== undefined) progress(text);
        }
      });
    },

    registryDigest: remembering((reference, signal) =>
      askDigest(client, connection, reference, signal),
    ),
  };
}

type Ask = (reference: string, signal: AbortSignal) => Promise<string>;

interface Answer {
  /** Of the clock that no one sets. */
  readonly at: number;
  readonly here: string;
  readonly digest?: string;
  readonly error?: DsoError;
}

/** A registry that does not answer is not asked again at once. */
const RETRY = 60_000;

/**
 * An agent would ask a registry at each of its passes, and registries count. Once another image is
 * here, somebody has pulled a newer one: against the old answer it would look outdated, and be
 * replaced at each pass.
 */
function remembering(ask: Ask): Pulls["registryDigest"] {
  const answers = new Map<string, Answer>();
  return async (reference, digests, maxAgeMs, signal) => {
    const here = [...digests].sort().join();
    const last = answers.get(reference);
    const known = last?.here === here ? last : undefined;
    const age = performance.now() - (known?.at ?? 0);
    if (known?.digest !== undefined && age < maxAgeMs) return known.digest;
    if (known?.error !== undefined && age < Math.min(maxAgeMs, RETRY)) throw known.error;
    const at = performance.now();
    try {
      const digest = await ask(reference, signal);
      answers.set(reference, { at, here, digest });
      return digest;
    } catch (error) {
      if (error instanceof DsoError) answers.set(reference, { at, here, error });
      throw error;
    }
  };
}

async function askDigest(
  client: Client,
  connection: EngineConnection,
  reference: string,
  signal: AbortSignal,
): Promise<string> {
  const call = {
    doing: `ask the registry for ${reference}`,
    ...(await authorized(connection, reference, signal)),
  };
  const late = AbortSignal.timeout(ANSWER);
  const { name, tag } = splitReference(reference);
  const path = `/distribution/${pathOf(`${name}:${tag}`)}/json`;
  try {
    const within = AbortSignal.any([signal, late]);
    const told = await client.json<WireDistribution>("GET", path, call, within);
    return told.Descriptor.digest;
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted) throw pullError(reference, error);
    const message = `the registry of "${reference}" says nothing for ${ANSWER / 1000} s`;
    throw new DsoError("engine-refused", message, { cause: error });
  }
}

interface WireDistribution {
  readonly Descriptor: { readonly digest: string };
}

/** A reference as a part of a path: its slashes stay. */
export function pathOf(reference: string): string {
  return reference.split("/").map(encodeURIComponent).join("/");
}

async function authorized(
  connection: EngineConnection,
  reference: string,
  signal: AbortSignal,
): Promise<{ readonly headers?: Readonly<Record<string, string>> }> {
  const { registryAuth } = await import("./auth.ts");
  const auth = await registryAuth(connection, reference, signal);
  return auth === undefined ? {} : { headers: { "X-Registry-Auth": auth } };
}

/** The tag is asked for apart, and always: without one the engine would pull all of them. */
function splitReference(reference: string): { name: string; tag: string } {
  const { name, tag = "latest", digest } = parseImageName(reference);
  return { name, tag: digest ?? tag };
}

async function pulling(
  reference: string,
  signal: AbortSignal,
  work: (watched: AbortSignal, alive: () => void) => Promise<void>,
): Promise<void> {
  const stall = stalling(STALL);
  try {
    await work(AbortSignal.any([signal, stall.signal]), stall.alive);
  } catch (error) {
    signal.throwIfAborted();
    if (stall.signal.aborted) {
      const message = `pull ${reference}: nothing came for ${STALL / 1000} s`;
      throw new DsoError("engine-refused", message, {
        hint: "The registry or the network in between is stuck; try again.",
        cause: error,
      });
    }
    throw pullError(reference, error);
  } finally {
    stall.stop();
  }
}

/** One line of the engine's progress, unless it is one of a progress bar's many. */
function pullLine(line: string): string | undefined {
  const told = JSON.parse(line) as {
    status?: string;
    id?: string;
    error?: string;
    progressDetail?: { current?: number };
  };
  if (told.error !== undefined) throw refusalError(new Refusal(200, told.error), "pull");
  if (told.status === undefined || told.progressDetail?.current !== undefined) return undefined;
  return printable(told.id === undefined ? told.status : `${told.id}: ${told.status}`);
}

const NOBODY_HAS_IT =
  /not found|manifest unknown|no such image|name unknown|no matching manifest|does not exist or may require/i;
const NO_REGISTRY =
  /no such host|connection refused|i\/o timeout|timeout exceeded|deadline exceeded|network is unreachable|no route to host|server misbehaving/i;

function pullError(reference: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof DsoError && ["engine-unreachable", "disk-full"].includes(error.code)) {
    return error;
  }
  const words = printable(error.cause instanceof Refusal ? error.cause.message : error.message);
  if (NO_REGISTRY.test(words)) {
    return new DsoError(
      "engine-refused",
      `the registry of "${reference}" cannot be reached: ${words}`,
      {
        hint: "The engine's host needs a way to the registry (network, DNS, proxy); a local image must have this very name.",
        cause: error,
      },
    );
  }
  if (NOBODY_HAS_IT.test(words)) {
    return new DsoError("image-missing", `no registry has the image "${reference}": ${words}`, {
      hint: "Check its name and tag; a private one needs `docker login` first.",
      cause: error,
    });
  }
  const denied = /denied|unauthorized|authentication required|no basic auth credentials/i.test(
    words,
  );
  return new DsoError("engine-refused", `cannot pull "${reference}": ${words}`, {
    ...(denied ? { hint: "Log in with `docker login`, as the user who runs this." } : {}),
    cause: error,
  });
}
