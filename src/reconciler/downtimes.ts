/** How long services did not serve when they were last replaced by stop-first, for the next plan. */
import type { Outcome } from "../apply/context.ts";
import type { MeasuredDowntime, Observed } from "../model/observed.ts";
import type { RegisteredProject } from "./state.ts";

type Remembered = Pick<RegisteredProject, "downtimes">;

/** Undefined where nothing was measured on this engine: another host takes another time. */
export function downtimesOn(
  engineId: string,
  registered: RegisteredProject | undefined,
): Pick<Observed, "downtimes"> {
  if (registered?.downtimes === undefined || registered.engineId !== engineId) return {};
  return { downtimes: new Map(Object.entries(registered.downtimes)) };
}

/** With what this run has measured; of several replicas the slowest. Services that are gone are left out. */
export function measuredBy(
  { downtimes }: Pick<Outcome, "downtimes">,
  known: Pick<Observed, "downtimes">,
  services: ReadonlySet<string>,
): Remembered {
  const measured = new Map<string, MeasuredDowntime>();
  for (const { operation, ms, stopMs } of downtimes) {
    if (operation.kind !== "replace-container") continue;
    const { stopMs: most = 0, startMs: longest = 0 } = measured.get(operation.service) ?? {};
    measured.set(operation.service, {
      stopMs: Math.max(most, Math.round(stopMs)),
      startMs: Math.max(longest, Math.round(ms - stopMs)),
    });
  }
  const all = [...(known.downtimes ?? []), ...measured].filter(([name]) => services.has(name));
  return all.length === 0 ? {} : { downtimes: Object.fromEntries(all) };
}
