import type { Generation } from "../model/delivery.ts";
import { type DesiredService, referencesOf } from "../model/desired.ts";
import type { CreateBody, EndpointConfig } from "../model/engine.ts";
import { COMPOSE } from "../model/labels.ts";
import { DEFAULT_PLAN_OPTIONS } from "../model/plan.ts";
import { isGiven, withoutGiven } from "../model/programs.ts";
import type { Engine } from "../model/ports.ts";
import { makeContainer } from "./container/container.ts";
import { provide } from "./container/provide.ts";
import type { ApplyContext, Work } from "./context.ts";
import { failureOf } from "./failure.ts";
import { createRoster } from "./journal/roster.ts";
import { createScrubber } from "./scrub.ts";
import { readAll } from "./memory/values.ts";
import { checkVariables } from "./memory/variables.ts";
import { refuseRemote } from "./preflight.ts";

export interface OneOff {
  /** With the command, the user and so on that this one is to have. */
  readonly service: DesiredService;
  /** `<project>-<service>-run-<12 hex digits>`, unless a person chose one. */
  readonly name: string;
  /** 64 hex digits, as Compose labels its one-off containers. */
  readonly slug: string;
  /** Whether other containers find it by the service's names. */
  readonly useAliases: boolean;
}

export interface MadeOneOff {
  readonly id: string;
  readonly generation: Generation | undefined;
}

/**
 * Makes a container beside those of the plan, with the service's secrets, not
 * started. What fails leaves nothing behind. Wants the project's lock.
 */
export async function makeOneOff(
  context: ApplyContext,
  oneOff: OneOff,
  report: Work["report"],
  signal: AbortSignal,
): Promise<MadeOneOff> {
  const service = withoutMissing(oneOff.service, context);
  refuseRemote([service], context);
  const values = await readAll(context, context.desired, [service], signal);
  const scrubber = createScrubber([...values.all, ...context.answers.all]);
  const work: Work = {
    ...context,
    engine: oneOffEngine(context.engine, oneOff),
    plan: emptyPlan(context),
    report,
    values,
    scrubber,
    roster: createRoster(context.observed.containers),
    former: new Map(),
  };
  const rotation = context.random.hex(8);
  const making = { ...oneOff, service, number: 1, rotation, old: undefined };
  const candidate = { name: oneOff.name, policy: { Name: "no" as const }, hidden: false };
  let generation: Generation | undefined;
  try {
    checkVariables(service, values);
    const provided = await provide(work, making, Promise.resolve(), signal);
    generation = provided.generation;
    const { id } = await makeContainer(work, making, provided, candidate, signal);
    return { id, generation };
  } catch (error) {
    if (generation !== undefined) await context.delivery.drop(generation.id, context.force);
    throw failureOf(error, scrubber, signal);
  } finally {
    values.drop();
    scrubber.drop();
  }
}

/** `--no-deps`: no program was asked, and so nothing is given, as with Compose. */
function withoutMissing(service: DesiredService, { answers }: ApplyContext): DesiredService {
  const given = service.bindings.flatMap(({ template }) => referencesOf(template)).filter(isGiven);
  return given.every((one) => answers.has(one)) ? service : withoutGiven(service);
}

function emptyPlan({ desired, observed }: ApplyContext): Work["plan"] {
  return {
    project: desired.project.name,
    engineId: observed.engine.id,
    options: DEFAULT_PLAN_OPTIONS,
    changes: [],
    unchanged: [],
    drift: [],
    operations: [],
    warnings: [],
  };
}

/** The same engine, but what it creates is no replica of the service. */
function oneOffEngine(engine: Engine, oneOff: OneOff): Engine {
  return {
    ...engine,
    createContainer: (name, body, options, signal) =>
      engine.createContainer(name, asOneOff(body, oneOff), options, signal),
  };
}

function asOneOff(body: CreateBody, { slug, useAliases }: OneOff): CreateBody {
  const labels = Object.entries(body.Labels).filter(([name]) => name !== COMPOSE.number);
  const { EndpointsConfig } = body.NetworkingConfig;
  return {
    ...body,
    // Once whoever is attached has no more to say, the program reads the end of its input.
    ...{ AttachStdin: true, OpenStdin: true, StdinOnce: true },
    Labels: { ...Object.fromEntries(labels), [COMPOSE.oneoff]: "True", [COMPOSE.slug]: slug },
    NetworkingConfig: {
      EndpointsConfig: useAliases ? EndpointsConfig : withoutAliases(EndpointsConfig),
    },
  };
}

function withoutAliases(
  endpoints: Readonly<Record<string, EndpointConfig>>,
): Readonly<Record<string, EndpointConfig>> {
  return Object.fromEntries(
    Object.entries(endpoints).map(([network, { Aliases: _aliases, ...endpoint }]) => [
      network,
      endpoint,
    ]),
  );
}
