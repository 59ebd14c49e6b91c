/** How the program of a provider service is to be called, and whether it can be. */
import type { ProgramService } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import type { OperationOf, Plan } from "../model/plan.ts";
import type { ProgramCall } from "../model/providerPrograms.ts";
import type { ApplyContext } from "./context.ts";

type AskProvider = OperationOf<"ask-provider">;

export function callOf(
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
