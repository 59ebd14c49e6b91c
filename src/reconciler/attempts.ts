/**
 * The ledger of attempts: what was tried with a service and did not come to serve. The same is not
 * tried again by itself until something of it changes; a person may ask for it at any time.
 */
import { createHash } from "node:crypto";
import { isComplete, type Outcome } from "../apply/context.ts";
import { isVerdict } from "../apply/failure.ts";
import { type Desired, hostContentNames, referencesOf } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import type { Observed } from "../model/observed.ts";
import type { Operation, Plan } from "../model/plan.ts";
import { versionKey } from "../model/reference.ts";
import type { Run } from "./run.ts";
import type { FailedAttempt } from "./state.ts";

type Attempted = Pick<Run, "desired" | "observed">;

/**
 * Tells one attempt from another: everything of the service that decides how its containers turn out,
 * by version and never by value. Undefined where there is no such service.
 */
function attemptKey({ desired, observed }: Attempted, name: string): string | undefined {
  const service = desired.services.get(name);
  if (service === undefined) return undefined;
  const { model, policy, image } = service;
  const { networks, volumes, secrets, configs } = desired.project;
  const around = [networks, volumes, secrets, configs].map((section) => [...section]);
  const what = [model, policy, imageId(observed, image), versionsOf(desired, name), around];
  return createHash("sha256").update(JSON.stringify(what)).digest("hex").slice(0, 32);
}

function imageId({ images }: Pick<Observed, "images">, image: string): string | undefined {
  return images.get(image)?.id;
}

function versionsOf({ services, versions }: Desired, name: string): readonly (string | null)[][] {
  const service = services.get(name);
  if (service === undefined) return [];
  const references = service.bindings.flatMap(({ template }) =>
    referencesOf(template).map(versionKey),
  );
  const names = new Set([...references, ...hostContentNames(service)]);
  return [...names].sort().map((key) => [key, versions.get(key) ?? null]);
}

/** Those of the ledger that would be tried again just as they failed. */
export function standingAttempts(
  attempted: Attempted,
  ledger: readonly FailedAttempt[],
): readonly FailedAttempt[] {
  return ledger.filter(({ service, key }) => attemptKey(attempted, service) === key);
}

/** The ledger after a run: what came to serve is struck out, what failed is written down. */
export function afterRun(
  run: Run,
  outcome: Outcome,
  ledger: readonly FailedAttempt[],
  at: string,
): readonly FailedAttempt[] {
  const failed = verdicts(run, outcome, ledger, at);
  const anew = new Set([...failed.map(({ service }) => service), ...served(run, outcome)]);
  const kept = standingAttempts(run, ledger).filter(({ service }) => !anew.has(service));
  return [...kept, ...failed].sort((a, b) => (a.service < b.service ? -1 : 1));
}

/** Services of which something ended in a verdict. */
export function verdictsIn({ failed }: Outcome): readonly string[] {
  return failed.flatMap(({ operation, error }) =>
    "service" in operation && verdictIn(error, operation) !== undefined ? [operation.service] : [],
  );
}

function verdicts(
  run: Run,
  { failed }: Outcome,
  ledger: readonly FailedAttempt[],
  at: string,
): readonly FailedAttempt[] {
  const found = new Map<string, FailedAttempt>();
  for (const { operation, error } of failed) {
    const service = "service" in operation ? operation.service : undefined;
    const verdict = verdictIn(error, operation);
    const key = service === undefined ? undefined : attemptKey(run, service);
    if (service === undefined || verdict === undefined || key === undefined) continue;
    const before = ledger.find((one) => one.service === service && one.key === key);
    found.set(service, {
      ...{ service, key, at, tries: (before?.tries ?? 0) + 1 },
      ...{ code: verdict.code, message: verdict.message },
      versions: before?.versions ?? changedVersions(run.plan, service),
    });
  }
  return [...found.values()];
}

/**
 * What the container had to say of itself, or the engine of it, wherever in the error it stands; no
 * passing trouble. `undone`: something had been done before, and was taken back.
 */
function verdictIn(error: unknown, operation: Operation, undone = false): DsoError | undefined {
  if (!(error instanceof DsoError)) return undefined;
  if (isVerdict(error) || isFinalRefusal(error, operation, undone)) return error;
  return verdictIn(error.cause, operation, true);
}

/**
 * What the engine refuses of a container it refuses the next time, too. A port, a name or an address that
 * somebody has may get free, and is tried again, except where each try stops what serves.
 */
function isFinalRefusal({ code }: DsoError, operation: Operation, undone: boolean): boolean {
  const replaces = operation.kind === "replace-container";
  if (code === "engine-refused") return replaces || operation.kind === "create-container";
  if (code !== "engine-conflict" && code !== "port-taken") return false;
  return replaces && operation.method === "stop-first" && undone;
}

/** Value name to the version that was to be delivered anew. */
function changedVersions({ changes }: Plan, service: string): Readonly<Record<string, string>> {
  const own = changes.filter(({ kind, name }) => kind === "container" && name === service);
  const deliveries = own.flatMap((change) => change.deliveries);
  return Object.fromEntries(
    deliveries.flatMap(({ value, from, to }) =>
      to === undefined || from === to ? [] : [[value, to] as const],
    ),
  );
}

/** Services of which everything that was planned was done, or that are as they should be. */
function served({ desired, plan }: Run, outcome: Outcome): readonly string[] {
  const undone = [...outcome.failed.map(({ operation }) => operation), ...outcome.skipped];
  const open = new Set(undone.flatMap((one) => ("service" in one ? [one.service] : [])));
  const excluded = new Set(plan.options.excludes);
  const meant = (name: string): boolean =>
    plan.options.targets.length === 0
      ? !excluded.has(`service.${name}`)
      : outcome.done.some((one) => "service" in one && one.service === name);
  const ended = isComplete(outcome) || outcome.done.length > 0;
  return [...desired.services.keys()].filter((name) => ended && meant(name) && !open.has(name));
}
