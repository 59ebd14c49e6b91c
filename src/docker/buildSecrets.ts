/** `build.secrets` as arguments and environment of `docker buildx build`. Pure. */
import { DsoError } from "../model/errors.ts";
import type { BuildRequest } from "../model/build.ts";
import type { FileGrantModel } from "../model/project.ts";
import { place } from "./buildFields.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What BuildKit gives a secret's file where its Dockerfile does not say. */
const OWN: Readonly<Record<"uid" | "gid" | "mode", RegExp>> = {
  uid: /^0$/,
  gid: /^0$/,
  mode: /^0*400$/,
};

/** What a child is given: values by its environment, where other users cannot read them. */
export interface Passed {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Values never stand in the argument list: other users can read that. */
export function secretArguments(request: BuildRequest, env: Environment): Passed {
  const argv: string[] = [];
  const environment: Record<string, string> = {};
  for (const grant of request.build.secrets ?? []) {
    const { source, target } = grant;
    refusePermissions(request, grant);
    const id = target?.replace(/^\/run\/secrets\//, "") ?? source;
    const from = request.secrets?.get(source);
    const variable = from?.environment;
    if (from?.file !== undefined) {
      argv.push("--secret", secretSpec({ id, src: from.file }));
    } else if (variable !== undefined && env[variable] !== undefined) {
      // Under a name of our own: the user's may be one that steers the child.
      const name = `DSO_BUILD_SECRET_${argv.length / 2}`;
      environment[name] = env[variable] ?? "";
      argv.push("--secret", secretSpec({ id, env: name }));
    } else {
      throw withoutSource(request, source, variable);
    }
  }
  return { argv, environment };
}

function withoutSource(
  request: BuildRequest,
  source: string,
  variable: string | undefined,
): DsoError {
  const what =
    variable === undefined
      ? "has no file and no variable of this host"
      : `is the variable ${variable}, which is not set`;
  return new DsoError("build-failed", `build secret "${source}" ${what}`, {
    ...place(request, "secrets"),
    hint: "Give it file: or environment: under the top-level secrets:.",
  });
}

/** The Dockerfile decides who may read it: there is no argument for it, and a build that runs as another user would fail. */
function refusePermissions(request: BuildRequest, grant: FileGrantModel): void {
  for (const key of ["uid", "gid", "mode"] as const) {
    const value = grant[key];
    if (value === undefined || OWN[key].test(value)) continue;
    const message = `build secret "${grant.source}" has the ${key} "${value}", which a builder cannot be told`;
    throw new DsoError("compose-unsupported", message, {
      ...place(request, "secrets"),
      hint: `Write ${key}=${value} where the Dockerfile mounts it: RUN --mount=type=secret,id=…,${key}=${value}.`,
    });
  }
}

/** Docker reads these as one line of CSV. */
function secretSpec(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${value}`)
    .map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(",");
}
