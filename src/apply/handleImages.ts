/** Images: pulled and built. */
import { COMPOSE_VERSION } from "../compose/create/labels.ts";
import type { DesiredService } from "../model/desired.ts";
import { DsoError, withPosition } from "../model/errors.ts";
import { contextServices } from "../model/images.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Operation, OperationOf } from "../model/plan.ts";
import type { BuildRequest } from "../model/build.ts";
import type { BuildModel } from "../model/project.ts";
import { serviceOf } from "./container/container.ts";
import type { Done, Handler, Work } from "./context.ts";

const DONE: Done = {};

export const pullImage: Handler<"pull-image"> = async (operation, work, signal) => {
  const platform =
    serviceOf(work, operation.service).model.platform ||
    work.hostVariables["DOCKER_DEFAULT_PLATFORM"];
  const options = platform ? { platform } : {};
  const stop = AbortSignal.any([signal, work.force]);
  try {
    await work.engine.pullImage(operation.image, options, progressOf(operation, work), stop);
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    if (operation.orBuild !== undefined && error.code !== "engine-unreachable") {
      return makeInstead(operation, operation.orBuild, error, work, stop);
    }
    const { positions } = work.desired.project;
    throw withPosition(error, positions.at(["services", operation.service, "image"]));
  }
  return DONE;
};

/** As with Compose: what no registry gives is built, unless there is one already. */
async function makeInstead(
  operation: OperationOf<"pull-image">,
  maker: string,
  error: DsoError,
  work: Work,
  signal: AbortSignal,
): Promise<Done> {
  const there = await work.engine.inspectImage(operation.image, signal);
  const instead = there === undefined ? "it is built instead" : "the one that is here stays";
  const message = work.scrubber.scrub(`${error.message}; ${instead}`);
  work.report({ type: "warning", code: "pull-failed", message });
  if (there !== undefined) return DONE;
  return build(operation, maker, work, signal);
}

export const buildImage: Handler<"build-image"> = (operation, work, signal) =>
  build(operation, operation.service, work, AbortSignal.any([signal, work.force]));

async function build(
  operation: OperationOf<"pull-image"> | OperationOf<"build-image">,
  service: string,
  work: Work,
  signal: AbortSignal,
): Promise<Done> {
  const { positions } = work.desired.project;
  try {
    const request = requestOf(operation.image, serviceOf(work, service), work);
    await work.builder.build(request, progressOf(operation, work), signal);
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    throw withPosition(error, positions.at(["services", service, "build"]));
  }
  return DONE;
}

function requestOf(tag: string, { model, name }: DesiredService, work: Work): BuildRequest {
  const { build } = model;
  if (build === undefined) {
    throw new DsoError("plan-invalid", `service ${name} has nothing to build`);
  }
  const { project } = work.desired;
  return {
    tag,
    build: withContexts(build, work),
    labels: {
      [COMPOSE.project]: project.name,
      [COMPOSE.service]: name,
      [COMPOSE.version]: COMPOSE_VERSION,
    },
    secrets: project.secrets,
    positionOf: (field) => project.positions.at(["services", name, "build", field]),
    ...(model.platform ? { platform: model.platform } : {}),
  };
}

/** Another service is the image that it has; the plan has seen to it that this is there. */
function withContexts(build: BuildModel, work: Work): BuildModel {
  const services = contextServices(build);
  if (services.size === 0) return build;
  const images = [...services].map(
    ([context, service]) => [context, `docker-image://${serviceOf(work, service).image}`] as const,
  );
  const contexts = { ...build.additional_contexts, ...Object.fromEntries(images) };
  return { ...build, additional_contexts: contexts };
}

function progressOf(operation: Operation, work: Work): (line: string) => void {
  const begun = work.clock.elapsed();
  return (line) => {
    const message = work.scrubber.scrub(line);
    const elapsedMs = work.clock.elapsed() - begun;
    work.report({ type: "operation-progress", operation, message, elapsedMs });
  };
}
