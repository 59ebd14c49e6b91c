import type { DesiredService } from "../model/desired.ts";
import type { ServiceModel } from "../model/project.ts";

export interface OneOffFlags {
  readonly detach?: boolean;
  readonly env?: readonly string[];
  readonly entrypoint?: string;
  readonly name?: string;
  readonly deps: boolean;
  readonly rm?: boolean;
  readonly servicePorts?: boolean;
  readonly tty: boolean;
  readonly useAliases?: boolean;
  readonly user?: string;
  readonly workdir?: string;
}

export interface OneOffRequest {
  readonly words: readonly string[];
  readonly flags: OneOffFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly tty: boolean;
}

const NOT_OF_A_ONE_OFF: ReadonlySet<string> = new Set([
  "ports",
  "container_name",
  "restart",
  "deploy",
]);

/** The service as this one run of it is to be: not restarted, its ports its own, the flags over the file. */
export function oneOffService(
  service: DesiredService,
  { words, flags, environment, tty }: OneOffRequest,
): DesiredService {
  const model = Object.fromEntries(
    Object.entries(service.model).filter(([key]) => !NOT_OF_A_ONE_OFF.has(key)),
  ) as ServiceModel;
  const { ports } = service.model;
  const variables = Object.fromEntries(
    (flags.env ?? []).map((text) => variable(text, environment)),
  );
  return {
    ...service,
    replicas: 1,
    // What the command line sets is not a reference any more.
    bindings: service.bindings.filter(
      ({ place }) => place.kind !== "environment" || !Object.hasOwn(variables, place.name),
    ),
    model: {
      ...model,
      ...(flags.servicePorts === true && ports !== undefined ? { ports } : {}),
      ...(words.length > 0 ? { command: words } : {}),
      ...(flags.entrypoint === undefined ? {} : { entrypoint: flags.entrypoint.split(/\s+/) }),
      ...(flags.entrypoint === undefined || words.length > 0 ? {} : { command: [] }),
      ...(flags.user === undefined ? {} : { user: flags.user }),
      ...(flags.workdir === undefined ? {} : { working_dir: flags.workdir }),
      environment: { ...model.environment, ...variables },
      restart: "no",
      tty,
      stdin_open: true,
    },
  };
}

/** `NAME=value`, or `NAME` for the value that it has here. */
function variable(
  text: string,
  environment: OneOffRequest["environment"],
): readonly [string, string | null] {
  const equals = text.indexOf("=");
  if (equals === -1) return [text, environment[text] ?? null];
  return [text.slice(0, equals), text.slice(equals + 1)];
}
