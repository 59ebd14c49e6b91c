/** Which provider services are asked, why, and when in the plan. */
import type { DependencyModel } from "../model/project.ts";
import { DsoError } from "../model/errors.ts";
import type { ProgramService } from "../model/desired.ts";
import { dependenciesOf } from "../model/dependencies.ts";
import { dependentsOf } from "../model/programs.ts";
import type { Change, Reason } from "../model/plan.ts";
import { objectChange } from "./changes.ts";
import { only, replaced, type ServiceDecision } from "./decision.ts";
import { afterOr, type Graph } from "./graph.ts";
import { byText } from "./order.ts";
import { nameList, reasonsText } from "./reasons.ts";
import { awaitDependency, isMet, type Prerequisites } from "./serviceOperations.ts";
import type { Situation } from "./situation.ts";

/** One provider service whose program is run. */
export interface Ask {
  readonly program: ProgramService;
  readonly verb: "up" | "down";
  readonly reasons: readonly Reason[];
}

type Services = ReadonlyMap<string, ServiceDecision>;

/**
 * In dependency order. Values are kept nowhere, so whoever makes a container asks for what it is given,
 * selected or not. Rejects with `usage` where just that is excluded.
 */
export function decideAsks(
  situation: Situation,
  services: readonly ServiceDecision[],
): readonly Ask[] {
  const { desired, order } = situation;
  return order.flatMap((name): readonly Ask[] => {
    const program = desired.programs?.get(name);
    if (program === undefined || program.atHand) return [];
    const made = services.filter(
      (one) => makes(one) && Object.hasOwn(one.service.model.depends_on ?? {}, name),
    );
    const takers = made.map(({ service }) => service.name).sort(byText);
    if (takers.length > 0 && situation.selection.excludes(name)) throw excluded(program, takers);
    const needed =
      takers.length > 0 ? [{ code: "values_needed", detail: `for ${nameList(takers)}` }] : [];
    const own = situation.selection.service(name) ? ownReasons(situation, program) : [];
    const reasons = [...own, ...needed];
    const told = reasons.length > 1 ? reasons.filter(({ code }) => code !== AGAIN) : reasons;
    return reasons.length === 0 ? [] : [{ program, verb: "up", reasons: told }];
  });
}

/** Nothing but that somebody applies: nobody knows of any change. */
export const AGAIN = "asked_again";

function ownReasons({ options, selection }: Situation, program: ProgramService): readonly Reason[] {
  if (selection.replaces(program.name, 0))
    return [{ code: "replaced_by_request", detail: undefined }];
  if (options.recreate === "force") return [{ code: "forced", detail: undefined }];
  if (!program.isUp) return [{ code: "created", detail: undefined }];
  if (program.doubt !== undefined) return [program.doubt];
  return options.ask === "always" ? [{ code: AGAIN, detail: undefined }] : [];
}

/** Those that were asked, and are taken down: whoever depends on another before that. */
export function decideDown({ desired, order, selection }: Situation): readonly Ask[] {
  const reasons = [{ code: "destroy", detail: undefined }];
  return [...order].reverse().flatMap((name): readonly Ask[] => {
    const program = desired.programs?.get(name);
    if (program?.isUp !== true || !selection.service(name)) return [];
    return [{ program, verb: "down", reasons }];
  });
}

function makes(decision: ServiceDecision): boolean {
  return only(decision, "create").length + replaced(decision).length > 0;
}

function excluded({ name, position }: ProgramService, takers: readonly string[]): DsoError {
  return new DsoError(
    "usage",
    `service "${name}" is excluded, and ${nameList(takers)} cannot be made without what its program gives`,
    {
      hint: `Exclude ${nameList(takers)}, too, or let its program be asked.`,
      ...(position && { position }),
    },
  );
}

export function askChange(situation: Situation, { program, verb, reasons }: Ask): Change {
  const { name, type } = program;
  const dependents = dependentsOf(situation.desired, name).map((one) => one.name);
  const values = { provider: type, dependents };
  return objectChange(
    "service",
    name,
    type,
    verb === "up"
      ? { action: "read", reasons, after: values }
      : { action: "delete", reasons, before: values },
  );
}

export function addAsk(graph: Graph, ask: Ask, after: readonly number[]): number {
  const { program, verb, reasons } = ask;
  const { name: service, type } = program;
  return graph.add(
    {
      ...{ kind: "ask-provider", service, program: type, verb },
      address: `service.${service}`,
      why: reasonsText(reasons),
    },
    after,
  );
}

/** Those that wait for nothing that this plan does: should one fail, nothing was stopped for it. */
export function addEarlyAsks(
  graph: Graph,
  situation: Situation,
  asks: readonly Ask[],
  all: Services,
  images: readonly number[],
): Map<string, number> {
  const asked = new Map<string, number>();
  const late = new Set<string>();
  for (const ask of asks) {
    const { name, model } = ask.program;
    const needs = [...dependenciesOf(model)];
    const waits = needs.some(([need, dependency]) => {
      const other = all.get(need);
      return late.has(need) || (other !== undefined && !isSettled(situation, other, dependency));
    });
    if (waits) late.add(name);
    else {
      const before = needs.flatMap(([need]) => asked.get(need) ?? []);
      asked.set(name, addAsk(graph, ask, afterOr(before, images)));
    }
  }
  return asked;
}

function isSettled(
  situation: Situation,
  other: ServiceDecision,
  { condition }: DependencyModel,
): boolean {
  if (other.decisions.some(({ action }) => action !== "keep")) return false;
  return condition === "service_started" || isMet(situation, other, condition);
}

/** Once all that it depends on is as it wants it. */
export function addLateAsk(
  graph: Graph,
  situation: Situation,
  ask: Ask,
  all: Services,
  needs: Prerequisites,
): void {
  const { name, model } = ask.program;
  const before = [...dependenciesOf(model)].flatMap(([need, dependency]) => {
    const other = all.get(need);
    if (other === undefined) return needs.asked.get(need) ?? [];
    return awaitDependency(graph, situation, other, dependency, name, needs);
  });
  needs.asked.set(name, addAsk(graph, ask, afterOr(before, needs.gate)));
}
