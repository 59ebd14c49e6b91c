/** The other end of the agent's socket. */
import { statSync } from "node:fs";
import { DsoError, hasCode } from "../model/errors.ts";
import type { AgentStatus, Answer, Controls, Reconciled, Told } from "./control.ts";
import type { Log } from "./log.ts";

const PATIENCE_MS = 3000;

/** The agent that listens at this path; undefined where there is none. */
export async function findAgent(path: string, signal: AbortSignal): Promise<Controls | undefined> {
  // Most of the time there is none, and nothing is loaded to find that out.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const quiet = (): void => undefined;
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    await call(path, "GET", "/v1/status", {}, quiet, limited);
  } catch (error) {
    // One that is suspended does nothing either.
    if (!signal.aborted && error instanceof Error && error.name === "AbortError") return undefined;
    if (!signal.aborted && error instanceof Error && error.name === "TimeoutError")
      return undefined;
    if (hasCode(error, "ENOENT", "ECONNREFUSED", "EACCES", "ECONNRESET", "EPIPE")) return undefined;
    throw error;
  }
  const post = (name: string, verb: string, body: object, tell: Log): Promise<unknown> =>
    call(path, "POST", `/v1/projects/${name}/${verb}`, body, tell, signal);
  return {
    status: async () => (await call(path, "GET", "/v1/status", {}, quiet, signal)) as AgentStatus,
    reconcile: async (name, again, tell) =>
      (await post(name, "reconcile", { again }, tell)) as Reconciled,
    hold: async (name, who, why) =>
      (await post(name, "hold", { who, why }, quiet)) as Awaited<ReturnType<Controls["hold"]>>,
    resume: async (name) => {
      await post(name, "resume", {}, quiet);
    },
  };
}

async function call(
  socketPath: string,
  method: string,
  path: string,
  body: object,
  tell: Log,
  signal: AbortSignal,
): Promise<unknown> {
  // As for the engine: an import would evaluate every export.
  const http = process.getBuiltinModule("node:http");
  const { createInterface } = process.getBuiltinModule("node:readline");
  const response = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    const asked = http.request({ socketPath, method, path, signal, agent: false });
    asked.once("response", resolve);
    asked.once("error", reject);
    asked.end(method === "GET" ? undefined : JSON.stringify(body));
  });
  for await (const line of createInterface({ input: response })) {
    const said = JSON.parse(line) as Told | Answer;
    if ("told" in said) tell(said.told);
    else if ("done" in said) return said.done;
    else {
      const { code, message, hint } = said.error;
      throw new DsoError(code, message, hint === undefined ? {} : { hint });
    }
  }
  signal.throwIfAborted();
  throw new DsoError("aborted", "The agent ended before it had answered.", {
    hint: "What it had begun was undone or is recorded; its next run goes on.",
  });
}
