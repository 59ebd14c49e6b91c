/** References where none is read: found, and refused with the place that would do. Pure. */
import { DsoError, withPosition } from "../../model/errors.ts";
import { isReferenceLike } from "../../model/parseReference.ts";
import type { ComposeProject, FileSourceModel, ServiceModel } from "../../model/project.ts";
import { showPath, type Path } from "../node.ts";

/** Only the reference itself is repeated: what stands around it may be private. */
const REFERENCE = /(?<![A-Za-z0-9+.-])dso(?:file)?:\/\/[^\s"'{}@,;]*/i;
/** What is left of a reference once it was taken for a relative path and made absolute. */
const RESOLVED = /\/(dso(?:file)?):\/([^/].*)$/i;

/** One `reference-invalid` for each of them, in the order of the model. */
export function misplacedReferences(project: ComposeProject): readonly DsoError[] {
  const found: DsoError[] = [];
  const look = (value: unknown, path: Path): void => {
    walk(value, path, (text, at, isKey) => found.push(refuse(project, text, at, isKey)));
  };
  for (const [name, service] of project.services) {
    // The values are for references, the names are not.
    const names = Object.keys(service.environment ?? {}).map((key) => [key, null] as const);
    const read = { environment: Object.fromEntries(names), ...withoutLent(service) };
    look({ ...service, ...read }, ["services", name]);
  }
  for (const [name, network] of project.networks) look(network, ["networks", name]);
  for (const [name, volume] of project.volumes) look(volume, ["volumes", name]);
  for (const [name, secret] of project.secrets) {
    const read = secret.external === true ? { name: null } : {};
    look({ ...secret, ...read, ...unresolved(secret) }, ["secrets", name]);
  }
  for (const [name, config] of project.configs) {
    look({ ...config, content: null, ...unresolved(config) }, ["configs", name]);
  }
  return [...found, ...externalBuildSecrets(project)];
}

/** A builder writes no memory of ours: it is given files and variables of this host alone. */
function externalBuildSecrets(project: ComposeProject): readonly DsoError[] {
  return [...project.services].flatMap(([name, { build }]) =>
    (build?.secrets ?? []).flatMap(({ source }, index) => {
      const secret = project.secrets.get(source);
      if (secret?.external !== true) return [];
      const path = ["services", name, "build", "secrets", index];
      const isReference = isReferenceLike(secret.name ?? "");
      const what = isReference ? `is the reference ${secret.name ?? ""}` : "is external";
      const message = `build secret "${source}" ${what}, which a build cannot be given`;
      const hint = "Give it file: or environment: under the top-level secrets:.";
      const code = isReference ? "reference-invalid" : "compose-unsupported";
      return [withPosition(new DsoError(code, message, { hint }), project.positions.at(path))];
    }),
  );
}

/** What runs before the service has its variables, too: those are read where they stand. */
function withoutLent({ pre_start, environment = {} }: ServiceModel): Partial<ServiceModel> {
  if (pre_start === undefined) return {};
  const own = (given: ServiceModel["environment"] = {}): ServiceModel["environment"] =>
    Object.fromEntries(Object.entries(given).filter(([key, value]) => value !== environment[key]));
  return {
    pre_start: pre_start.map((item) => ({ ...item, environment: own(item.environment) ?? {} })),
  };
}

function unresolved({ file }: FileSourceModel): { readonly file?: string } {
  return file === undefined ? {} : { file: file.replace(RESOLVED, "/$1://$2") };
}

function walk(
  value: unknown,
  path: Path,
  report: (text: string, path: Path, isKey: boolean) => void,
): void {
  if (typeof value === "string") {
    if (isReferenceLike(value)) report(value, path, false);
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => walk(item, [...path, index], report));
  } else if (typeof value === "object" && value !== null) {
    for (const [key, part] of Object.entries(value)) {
      if (key.startsWith("x-")) continue;
      if (isReferenceLike(key)) report(key, [...path, key], true);
      walk(part, [...path, key], report);
    }
  }
}

function refuse(project: ComposeProject, text: string, at: Path, isKey: boolean): DsoError {
  const word = REFERENCE.exec(text)?.[0] ?? "dso://…";
  const where = showPath(isKey ? at.slice(0, -1) : at);
  const what = isKey ? `stands as a name in ${where}` : `stands in ${where}`;
  const message = `reference ${JSON.stringify(word)} ${what}, where none is read`;
  return withPosition(
    new DsoError("reference-invalid", message, { hint: hintFor(at, isKey, word) }),
    project.positions.at(at),
  );
}

function hintFor(path: Path, isKey: boolean, word: string): string {
  const [top, , field] = path;
  if (top === "secrets") return `Write external: true and name: ${word}.`;
  if (top === "configs") return "Write content: with {{dso://…}} where the secret belongs.";
  if (top === "services" && field === "environment" && isKey) {
    return `Name the variable: NAME=${word}.`;
  }
  if (top === "services" && field === "secrets") {
    return `Declare it under the top-level secrets: with external: true and name: ${word}.`;
  }
  if (top === "services" && /^(pre_start|post_start|pre_stop)$/.test(String(field))) {
    return "Put it in environment: of the service: what runs before, after or at the end has that, too.";
  }
  if (top === "services" && field === "build") {
    return "What a build is given stays in the image: deliver it to the container, in environment: or as a file.";
  }
  return "Put it in environment:, in secrets: (external: true, name: dso://…) or in content: of configs:.";
}
