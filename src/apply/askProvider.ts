/** Runs the program of a provider service, and gives what it says to those that depend on it. */
import type { ProgramService } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import type { OperationOf, Plan } from "../model/plan.ts";
import type { ProgramCall } from "../model/providerPrograms.ts";
import { dependentsOf } from "../model/programs.ts";
import type { ApplyContext, Handler, Work } from "./context.ts";
import { checkVariables } from "./memory/variables.ts";
import { refuseRemote } from "./preflight.ts";

type AskProvider = OperationOf<"ask-provider">;

export const askProvider: Handler<"ask-provider"> = async (operation, work, signal) => {
  const { program, call } = callOf(operation, work);
  const begun = work.clock.elapsed();
  const progress = (line: string): void => {
    const elapsedMs = work.clock.elapsed() - begun;
    const message = work.scrubber.scrub(line);
    work.report({ type: "operation-progress", operation, message, elapsedMs });
  };
  const stop = AbortSignal.any([signal, work.force]);
  const given = await work.programs.run(call, progress, stop);
  if (operation.verb === "down") {
    await work.answers.forget(program.name);
    return {};
  }
  work.scrubber.learn(given.values());
  tellOverwritten(work, program, new Set(given.keys()));
  work.desired = await work.answers.take(work.desired, program, given);
  const dependents = dependentsOf(work.desired, program.name);
  refuseRemote(dependents, work);
  for (const service of dependents) checkVariables(service, work.values);
  return {};
};

function callOf(
  { service, verb }: AskProvider,
  { desired }: Pick<ApplyContext, "desired">,
): { readonly program: ProgramService; readonly call: ProgramCall } {
  const program = desired.programs?.get(service);
  if (program === undefined)
    throw new DsoError("plan-invalid", `the plan names no provider service ${service}`);
  const { type, options } = program;
  const { name: project, environment, workingDir } = desired.project;
  return { program, call: { project, service, type, options, verb, environment, workingDir } };
}

/** Finds what cannot be asked before anything is changed: no program, an option that it does not know. */
export async function checkPrograms(
  { operations }: Plan,
  context: ApplyContext,
  signal: AbortSignal,
): Promise<readonly DsoError[]> {
  const asks = operations.filter((one) => one.kind === "ask-provider");
  const found = await Promise.all(
    asks.map(async (operation) => {
      const { program, call } = callOf(operation, context);
      try {
        await context.programs.check(call, signal);
        return [];
      } catch (error) {
        if (!(error instanceof DsoError)) throw error;
        const { code, message, hint } = error;
        const { position } = program;
        return [
          new DsoError(code, message, { ...(hint && { hint }), ...(position && { position }) }),
        ];
      }
    }),
  );
  return found.flat();
}

/** What the files set by themselves: the program's word holds, as with Compose. */
function tellOverwritten(work: Work, { name }: ProgramService, given: ReadonlySet<string>): void {
  for (const { name: service, model } of dependentsOf(work.desired, name)) {
    const own = Object.entries(model.environment ?? {});
    for (const [variable, text] of own) {
      if (text === null || !given.has(variable)) continue;
      const message = `service "${name}" gives ${variable}, which service "${service}" sets itself: what is given holds`;
      work.report({ type: "warning", code: "given-over-own", message });
    }
  }
}
