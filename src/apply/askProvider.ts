/** Runs the program of a provider service, and gives what it says to those that depend on it. */
import type { ProcessIdentity } from "../lib/process.ts";
import type { ProgramService } from "../model/desired.ts";
import { dependentsOf, givenBy } from "../model/programs.ts";
import type { Handler, Work } from "./context.ts";
import { checkVariables } from "./memory/variables.ts";
import { refuseRemote } from "./preflight.ts";
import { callOf } from "./programCall.ts";

export const askProvider: Handler<"ask-provider"> = async (operation, work, signal) => {
  const { program, call } = callOf(operation, work);
  const begun = work.clock.elapsed();
  const progress = (line: string): void => {
    const elapsedMs = work.clock.elapsed() - begun;
    const message = work.scrubber.scrub(line);
    work.report({ type: "operation-progress", operation, message, elapsedMs });
  };
  const stop = AbortSignal.any([signal, work.force]);
  if (operation.verb === "up") await work.answers.begin(program);
  const note = (process?: ProcessIdentity): Promise<void> =>
    work.journal.noteProgram(call, process);
  const given = await work.programs.run(call, { progress, note }, stop);
  if (operation.verb === "down") {
    await work.answers.forget(program.name);
    return {};
  }
  work.scrubber.learn(given.values());
  tellOverwritten(work, program, new Set(given.keys()));
  await work.answers.take(work.desired, program, given);
  // With what others may have given meanwhile.
  work.desired = work.answers.into(work.desired);
  const dependents = dependentsOf(work.desired, program.name);
  refuseRemote(dependents, work);
  // Another program may not have answered yet, or not be asked at all.
  for (const service of dependents) checkVariables(givenBy(service, program.name), work.values);
  return {};
};

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
