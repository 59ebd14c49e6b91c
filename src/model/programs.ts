/**
 * Provider services (`provider:` of a service): no container, but a program that is asked, and that gives
 * variables to the services that depend on it.
 */
import type { Binding, Desired, DesiredService, Programs, ProgramService } from "./desired.ts";
import { DsoError } from "./errors.ts";
import type { ServiceModel } from "./project.ts";
import { type Reference, type SecretId, versionKey } from "./reference.ts";

/** Whether it is a provider service, and no container. */
export function isProgram(model: ServiceModel): boolean {
  return model["provider"] !== undefined;
}

/** No provider of dso.yaml can have this name. */
const GIVEN = "@service";

/** What a program gives as a variable, named as if it were a secret's value. */
export function givenReference(program: string, variable: string): Reference {
  const path = `${program}/${variable}`;
  return { scheme: "dso", provider: GIVEN, path, file: {}, text: `given by service.${program}` };
}

export function isGiven({ provider }: SecretId): boolean {
  return provider === GIVEN;
}

/** Of names as plans, labels and state have them. */
export function isGivenName(name: string): boolean {
  return name.startsWith(`${GIVEN}:`);
}

export function isGivenBinding({ template }: Pick<Binding, "template">): boolean {
  return template.some((part) => typeof part !== "string" && isGiven(part));
}

/** The service without what programs give it. */
export function withoutGiven(service: DesiredService): DesiredService {
  return { ...service, bindings: service.bindings.filter((one) => !isGivenBinding(one)) };
}

/** The service with nothing of values but what that program gives it. */
export function givenBy(service: DesiredService, program: string): DesiredService {
  const isOf = (part: Reference): boolean => isGiven(part) && part.path.startsWith(`${program}/`);
  const bindings = service.bindings.filter(({ template }) =>
    template.some((part) => typeof part !== "string" && isOf(part)),
  );
  return { ...service, bindings };
}

/** Programs that the service depends on, sorted by name. */
export function programsOf(
  { model }: Pick<DesiredService, "model">,
  programs: Programs | undefined,
): readonly ProgramService[] {
  const names = Object.keys(model.depends_on ?? {}).sort();
  return names.flatMap((name) => programs?.get(name) ?? []);
}

/** Services that the program gives its variables to, sorted by name. */
export function dependentsOf(
  { services }: Pick<Desired, "services">,
  program: string,
): readonly DesiredService[] {
  const all = [...services.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return all.filter(({ model }) => Object.hasOwn(model.depends_on ?? {}, program));
}

/**
 * The same with these programs, and each service with the variables that they are known to give it. Throws
 * `secret-conflict` where two would set one variable, and neither can be told to be meant.
 */
export function withPrograms(desired: Desired, programs: Programs): Desired {
  if (programs.size === 0) return desired;
  const versions = new Map(desired.versions);
  for (const { name, answer } of programs.values()) {
    for (const [variable, version] of answer ?? [])
      versions.set(versionKey(givenReference(name, variable)), version);
  }
  const services = [...desired.services].map(([name, service]): [string, DesiredService] => [
    name,
    withGiven(service, programs),
  ]);
  return { ...desired, programs, versions, services: new Map(services) };
}

function withGiven(service: DesiredService, programs: Programs): DesiredService {
  const own = withoutGiven(service);
  const given = programsOf(service, programs).flatMap(({ name, answer, position }) =>
    [...(answer?.keys() ?? [])].sort().map((variable): Binding => {
      const grade = service.policy.env === "exposed" ? "exposed" : "sealed";
      const place = { kind: "environment", name: variable } as const;
      return { place, template: [givenReference(name, variable)], grade, position };
    }),
  );
  const [clash] = clashesIn(service, programs);
  if (clash === undefined) {
    return given.length === 0 ? own : { ...own, bindings: [...own.bindings, ...given] };
  }
  const position = programs.get(clash[0])?.position;
  throw new DsoError(
    "secret-conflict",
    `service "${service.name}": ${clash[1]} is given by a provider service, and by something else`,
    { hint: "Let one of them give it under another name.", ...(position && { position }) },
  );
}

/** Programs that give the service a variable that a reference or another program sets, too, each with one. */
function clashesIn(service: DesiredService, programs: Programs): ReadonlyMap<string, string> {
  const own = withoutGiven(service).bindings.flatMap(({ place }) =>
    place.kind === "environment" ? place.name : [],
  );
  const given = programsOf(service, programs).flatMap(({ name, answer }) =>
    [...(answer?.keys() ?? [])].map((variable) => [name, variable] as const),
  );
  const all = [...own, ...given.map(([, variable]) => variable)];
  return new Map(given.filter(([, one]) => all.indexOf(one) !== all.lastIndexOf(one)));
}

/** The same, but of those whose last answers `withPrograms` would refuse nothing is known. */
export function withoutClashes(desired: Desired, programs: Programs): Programs {
  const all = [...desired.services.values()].flatMap((one) => [...clashesIn(one, programs)]);
  const clashing = new Map(all);
  const entries = [...programs].map(([name, program]): [string, ProgramService] => {
    const variable = clashing.get(name);
    if (variable === undefined) return [name, program];
    const detail = `it gave ${variable}, which has another source now, too`;
    return [name, { ...program, answer: undefined, doubt: { code: "answer_unknown", detail } }];
  });
  return new Map(entries);
}
