import { request } from "node:http";
import { connect } from "node:net";
import type { HealthPolicy, HealthProbe } from "../../model/desired.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Engine, ExecRequest } from "../../model/ports.ts";
import { prefixIn } from "../../model/sealing.ts";

export interface ProbeTools {
  readonly engine: Engine;
  /** Output of checks is foreign text. */
  readonly scrub: (text: string) => string;
  /** Told in place of a command that gives no answer: what was said before, where it has but a last moment. */
  readonly before?: string | undefined;
}

/** Why the container does not serve yet, fit to be shown; undefined when it does. */
export type ProbeFailure = string | undefined;

/** A fresh endpoint may lose its first packet, which is sent again only after a second. */
const CONNECT_MS = 150;
/** An answer is waited for at least so long, if the whole wait is as long. */
const ANSWER_MS = 5000;
const LAST_ANSWER_MS = 1000;
const OUTPUT_CHARS = 2000;
/** Of a command that never stops writing; far more than is shown, since a value that is cut off is not found. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** Whether a try that begins now has no more than that last chance. */
export function isLastTry(
  { timeoutMs }: Pick<HealthPolicy, "timeoutMs">,
  passedMs: number,
): boolean {
  return passedMs > timeoutMs - LAST_ANSWER_MS;
}

/** An answer that hangs must not outlast the whole wait; but a last one is given a chance. */
export function leftFor({ timeoutMs }: Pick<HealthPolicy, "timeoutMs">, passedMs: number): number {
  return Math.max(LAST_ANSWER_MS, timeoutMs - passedMs);
}

/**
 * How long one try of a configured probe may take: half of the wait, so that a program which has
 * taken a request and forgotten it while it booted is asked once more.
 */
export function tryLimitMs({ timeoutMs }: Pick<HealthPolicy, "timeoutMs">): number {
  return Math.max(ANSWER_MS, timeoutMs / 2);
}

/** `limitMs`: it is not waited longer for an answer. */
export async function runProbe(
  tools: ProbeTools,
  container: ContainerDetail,
  probe: HealthProbe,
  limitMs: number,
  signal: AbortSignal,
): Promise<ProbeFailure> {
  if (probe.kind === "exec") {
    const argv = [...prefixIn(container.config.Entrypoint), ...probe.argv];
    return probeExec(tools, container.id, argv, limitMs, signal);
  }
  const host = await addressOf(tools.engine, container, signal);
  if (host === undefined) return "it has no address";
  return probe.kind === "tcp"
    ? probeTcp(host, probe.port, signal)
    : probeHttp(host, probe, limitMs, signal);
}

async function addressOf(
  engine: Engine,
  container: ContainerDetail,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { networkMode, networks } = container;
  if (networkMode === "host") return "127.0.0.1";
  if (networkMode.startsWith("container:")) {
    const parent = await engine.inspectContainer(networkMode.slice("container:".length), signal);
    return parent === undefined ? undefined : addressOf(engine, parent, signal);
  }
  return networks.map(({ ipv4, ipv6 }) => ipv4 ?? ipv6).find((address) => address !== undefined);
}

export function probeTcp(host: string, port: number, signal: AbortSignal): Promise<ProbeFailure> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => socket.destroy(new Error("no connection in time")), CONNECT_MS);
    const finish = (result: ProbeFailure): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve(result);
    };
    const onAbort = (): void => {
      finish("aborted");
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => {
      finish(undefined);
    });
    socket.once("error", (error) => {
      finish(`port ${port}: ${error.message}`);
    });
  });
}

/** No timer takes a part of a millisecond, nor more than this many. */
const LONGEST_MS = 2 ** 31 - 1;

/** Aborts with `signal`, or once `ms` are over. */
export function limited(ms: number, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(Math.min(Math.ceil(ms), LONGEST_MS))]);
}

type HttpProbe = Extract<HealthProbe, { kind: "http" }>;

export function probeHttp(
  host: string,
  { port, path, status }: HttpProbe,
  limitMs: number,
  signal: AbortSignal,
): Promise<ProbeFailure> {
  return new Promise((resolve, reject) => {
    const limit = limited(limitMs, signal);
    const call = request({ host, port, path, agent: false, signal: limit });
    const timer = setTimeout(() => call.destroy(new Error("no connection in time")), CONNECT_MS);
    call.once("socket", (socket) => {
      socket.once("connect", () => {
        clearTimeout(timer);
      });
    });
    call.once("response", (response) => {
      const code = response.statusCode ?? 0;
      const good = status === undefined ? code >= 200 && code < 400 : code === status;
      response.destroy();
      resolve(good ? undefined : `${path} answered with status ${code}`);
    });
    call.once("error", (error) => {
      clearTimeout(timer);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve(`port ${port}: ${limit.aborted ? "no answer in time" : error.message}`);
    });
    call.end();
  });
}

export function probeExec(
  tools: ProbeTools,
  id: string,
  argv: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeFailure> {
  return tryCommand(tools, id, { argv, tty: false }, { name: "the check", timeoutMs }, signal);
}

/** Runs a command in a container; `name` is what it is called where it fails. */
export async function tryCommand(
  { engine, scrub, before }: ProbeTools,
  id: string,
  request: ExecRequest,
  { name, timeoutMs }: { readonly name: string; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<ProbeFailure> {
  const chunks: Buffer[] = [];
  let kept = 0;
  const keep = (data: Buffer): void => {
    if (kept < KEPT_BYTES) chunks.push(data);
    kept += data.length;
  };
  const limit = limited(timeoutMs, signal);
  try {
    const streams = { output: keep, error: keep, tty: false };
    const code = await engine.exec(id, request, streams, limit);
    if (code === 0) return undefined;
    // Scrubbed first: a value that is cut off is not found.
    const clean = scrub(Buffer.concat(chunks).toString("utf8"));
    // Where hardly anything is left of it, what was cut off may stand among what is shown.
    const isFar = kept < KEPT_BYTES || clean.length > KEPT_BYTES / 4;
    const output = isFar ? clean.slice(0, OUTPUT_CHARS).trim() : "";
    return output === "" ? `${name} ended with ${code}` : `${name} ended with ${code}: ${output}`;
  } catch (error) {
    if (signal.aborted) throw error;
    if (limit.aborted)
      return before ?? `${name} gave no answer within ${Math.ceil(timeoutMs / 1000)} s`;
    // A container that ended meanwhile cannot run a check: the next look at it tells.
    return scrub(error instanceof Error ? error.message : String(error));
  }
}
