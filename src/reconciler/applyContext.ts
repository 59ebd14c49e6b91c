import type { ApplyContext } from "../apply/context.ts";
import { type HashDialect, serviceHash } from "../compose/output/hash.ts";
import { findComposeProgram } from "../docker/composeProgram.ts";
import type { ComposeProject } from "../model/project.ts";
import { readValues } from "../providers/values.ts";
import type { Context } from "./context.ts";
import { hostVariables } from "./hostContent.ts";
import { openAnswers } from "./programs.ts";
import type { ApplySettings, Run } from "./run.ts";

/** Everything that the executor works with, for one run. */
export async function applyContext(
  context: Context,
  run: Run,
  settings: Pick<ApplySettings, "parallelism" | "force">,
  signal: AbortSignal,
  answers = openAnswers(context, run.desired.project.name),
): Promise<ApplyContext> {
  const { engine, builder, delivery, shim, journal, addresses } = context;
  const { clock, sockets, random, programs } = context;
  return {
    desired: run.desired,
    observed: run.observed,
    engine,
    builder,
    delivery,
    shim,
    journal,
    addresses,
    clock,
    sockets,
    random,
    programs,
    answers,
    proxies: await context.proxies(),
    dsoVersion: context.version,
    dialect: await composeDialect(context, run.desired.project, signal),
    hostVariables: hostVariables(context, run.desired.project),
    readValues: (references, versions, readSignal) =>
      readValues(context.providers, references, versions, context.config.agent.cache, readSignal),
    parallelism: settings.parallelism,
    force: settings.force,
  };
}

/**
 * The config hash of the Docker Compose that is used here: version 5 leaves one
 * default out that version 2 writes. Where none is found, version 5's. The program
 * is asked only when the two would differ.
 */
export async function composeDialect(
  context: Pick<Context, "environment" | "home">,
  { services }: Pick<ComposeProject, "services">,
  signal: AbortSignal,
): Promise<HashDialect> {
  const differs = [...services.values()].some(
    (model) => serviceHash(model, "v2") !== serviceHash(model, "v5"),
  );
  if (!differs) return "v5";
  const program = await findComposeProgram(context.environment, context.home, signal);
  return program === undefined || Number(program.version.split(".")[0]) >= 5 ? "v5" : "v2";
}
