import { isDeepStrictEqual } from "node:util";
import { currentValues } from "../diff/currentValues.ts";
import { readPrivateFile, writeFileAtomic } from "../lib/files.ts";
import { redactPlan } from "../diff/redact.ts";
import { DsoError } from "../model/errors.ts";
import type { Plan } from "../model/plan.ts";
import type { Context } from "./context.ts";
import type { ProjectRequest } from "./request.ts";
import {
  fingerprintModel,
  fingerprintObserved,
  matchesModel,
  type ModelFingerprint,
  type ObservedFingerprint,
  whatMoved,
} from "./fingerprint.ts";
import type { Run } from "./run.ts";

const FORMAT = "dso-plan";
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_AGE_MS = 24 * 3_600_000;

/** A plan on disk: what would be done, and what it was decided on. No value, no private text. */
export interface SavedPlan {
  readonly format: typeof FORMAT;
  readonly formatVersion: 1;
  readonly dsoVersion: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly request: ProjectRequest;
  readonly plan: Plan;
  readonly model: ModelFingerprint;
  readonly versions: Readonly<Record<string, string>>;
  readonly observed: ObservedFingerprint;
  /** What may be shown of the objects that stay as they are; nothing is decided on it. */
  readonly values: ReturnType<typeof currentValues>;
}

/** Writes the run's plan to `path`, readable by its owner alone. */
export async function savePlan(context: Context, run: Run, path: string): Promise<void> {
  const saved: SavedPlan = {
    format: FORMAT,
    formatVersion: 1,
    dsoVersion: context.version,
    createdAt: new Date(context.clock.now()).toISOString(),
    request: run.request,
    plan: redactPlan(run.plan),
    model: await fingerprintModel(run.desired, context.random),
    versions: Object.fromEntries(run.desired.versions),
    observed: fingerprintObserved(run.observed),
    values: currentValues(run.desired, run.observed, run.plan),
  };
  await writeFileAtomic(path, `${JSON.stringify(saved)}\n`);
}

/**
 * Rejects with `plan-invalid` for what is no plan of ours, `plan-stale` for one over 24 h old and
 * `state-corrupt` for a file that others may read or that is too large to be one.
 */
export async function readSavedPlan(context: Context, path: string): Promise<SavedPlan> {
  const bytes = await readPrivateFile(path, MAX_BYTES);
  if (bytes === undefined) {
    throw new DsoError("plan-invalid", `There is no plan file ${path}.`, {
      hint: "Make one with `dso plan -out=FILE`.",
    });
  }
  const saved = await parse(path, bytes);
  const age = context.clock.now() - Date.parse(saved.createdAt);
  if (!(age >= 0 && age <= MAX_AGE_MS)) {
    throw stale([`it was made at ${saved.createdAt}, and a plan is good for 24 hours`]);
  }
  return saved;
}

/**
 * Refuses unless everything that the plan was decided on is as it was, and the
 * planner, asked again, says the same. Rejects with `plan-stale` naming what
 * moved, or `plan-invalid` where the file itself was changed.
 */
export async function verifySavedPlan(
  context: Context,
  path: string,
  saved: SavedPlan,
  run: Run,
): Promise<void> {
  const moved = [
    ...whatMoved(saved.observed, run.observed),
    ...movedVersions(saved.versions, run.desired.versions),
    ...((await matchesModel(saved.model, run.desired))
      ? []
      : ["the compose files or their variables changed"]),
  ];
  if (moved.length > 0) {
    const last = (await context.state.history(saved.plan.project))[0];
    const later = last !== undefined && last.at > saved.createdAt;
    throw stale(
      later ? [...moved, `dso last worked on it at ${last.at}, run by ${last.who}`] : moved,
    );
  }
  // Through JSON, as the saved one went: an absent key and an undefined one are then alike.
  const again: unknown = JSON.parse(JSON.stringify(redactPlan(run.plan)));
  if (!isDeepStrictEqual(again, saved.plan)) {
    throw invalid(path, "does not say what dso plans now: it was edited, or something else moved");
  }
}

function movedVersions(
  before: Readonly<Record<string, string>>,
  now: ReadonlyMap<string, string>,
): readonly string[] {
  const names = new Set([...Object.keys(before), ...now.keys()]);
  return [...names].sort().flatMap((name) => {
    const [old, current] = [before[name], now.get(name)];
    return old === current
      ? []
      : [`secret ${name} went from version ${old ?? "none"} to ${current ?? "none"}`];
  });
}

async function parse(path: string, bytes: Buffer): Promise<SavedPlan> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw invalid(path, "is not a plan of dso", cause);
  }
  const { default: validate } = await import("./generated/plan.js");
  if (!validate(value)) throw invalid(path, "is not a plan of dso, or of another release");
  return value as SavedPlan;
}

function invalid(path: string, what: string, cause?: unknown): DsoError {
  return new DsoError("plan-invalid", `${path} ${what}.`, {
    hint: "Make a new one with `dso plan -out=FILE`.",
    cause,
  });
}

function stale(moved: readonly string[]): DsoError {
  return new DsoError(
    "plan-stale",
    `The saved plan can no longer be applied: ${moved.join("; ")}.`,
    { hint: "Make a new one with `dso plan -out=FILE`, look at it, and apply that." },
  );
}
