/** What `dso compose config` prints. */
import type { Command } from "commander";
import { resolve } from "node:path";
import { isObject } from "../compose/output/arrange.ts";
import { serviceHash } from "../compose/output/hash.ts";
import { byUtf8 } from "../compose/order.ts";
import type { LoadedProject, Omission } from "../compose/load.ts";
import { entriesOf, get, type Mapping } from "../compose/node.ts";
import {
  imagesOf,
  narrow,
  renderImages,
  renderMerged,
  renderProject,
} from "../compose/output/render.ts";
import { variablesOf } from "../compose/variables/uses.ts";
import { DsoError } from "../model/errors.ts";
import type { Json } from "../model/project.ts";
import { composeDialect } from "../reconciler/applyContext.ts";
import type { Context } from "../reconciler/context.ts";
import { loadToShow, mergedToShow } from "../reconciler/load.ts";
import type { ComposeFlags } from "./composeFlags.ts";
import { projectRequest } from "./request.ts";
import type { Session } from "./session.ts";

/** Of these the first that is given is printed, and nothing else. */
const LISTS = [
  "services",
  "volumes",
  "networks",
  "models",
  "hash",
  "profiles",
  "images",
  "variables",
  "environment",
] as const;

type List = (typeof LISTS)[number];

export type ConfigFlags = Readonly<Partial<Record<Exclude<List, "hash">, boolean>>> & {
  readonly format?: "yaml" | "json";
  readonly quiet?: boolean;
  readonly hash?: string;
  readonly output?: string;
  readonly resolveImageDigests?: boolean;
  readonly lockImageDigests?: boolean;
  /** Commander's: false where the flag begins with "no". */
  readonly consistency: boolean;
  readonly envResolution: boolean;
  readonly interpolate: boolean;
  readonly normalize: boolean;
  readonly pathResolution: boolean;
};

interface Asked {
  readonly command: Command;
  readonly services: readonly string[];
  readonly flags: ConfigFlags;
}

export async function showConfig(session: Session, context: Context, asked: Asked): Promise<void> {
  const { flags } = asked;
  const list = LISTS.find((name) => flags[name] !== undefined && flags[name] !== "");
  const text = await textOf(session, context, asked, list);
  if (text === undefined) return;
  if (flags.output === undefined) session.output.write(text);
  else {
    const { writeOutput } = await import("./outputFile.ts");
    await writeOutput(resolve(session.cwd, flags.output), text);
  }
}

/** Undefined: it was only to be checked. */
async function textOf(
  session: Session,
  context: Context,
  { command, services, flags }: Asked,
  list: List | undefined,
): Promise<string | undefined> {
  const { signal } = session;
  // A list that is asked for is an answer, not the output that --quiet keeps back.
  const quiet = flags.quiet === true && (list === undefined || list === "environment");
  // What is listed is of the whole project, whatever is named; but for images, and what a variable says.
  const whole = list !== undefined && list !== "images" && list !== "environment";
  const request = await projectRequest(session, command, whole ? [] : services);
  const outer: ComposeFlags = command.parent?.opts() ?? {};
  const show = { without: left({ ...outer, ...flags }) };
  if (!flags.interpolate || list === "variables") {
    const merged = await mergedToShow(context, request, show, signal);
    return quiet ? undefined : asWritten(merged, flags, list);
  }
  const project = await loadToShow(context, request, show, signal);
  if (quiet) return undefined;
  if (list === "hash") return hashes(context, project, flags.hash ?? "", signal);
  if (list !== undefined) return lines(LISTED[list](project, services));
  const digests = flags.lockImageDigests === true || flags.resolveImageDigests === true;
  const pinned = digests ? await pin(context, project, services, signal) : project;
  const form = flags.format ?? "yaml";
  return formatted(
    flags.lockImageDigests === true
      ? renderImages(pinned, form)
      : renderProject(pinned, { services, form }),
    flags.format,
  );
}

const LISTED: Readonly<
  Record<
    Exclude<List, "hash" | "variables">,
    (project: LoadedProject, services: readonly string[]) => readonly string[]
  >
> = {
  services: ({ services }) => [...services.keys()],
  volumes: ({ volumes }) => [...volumes.keys()],
  networks: ({ networks }) => [...networks.keys()],
  models: ({ models }) => [...models.values()].map(modelOf).toSorted(),
  profiles: ({ knownProfiles }) => knownProfiles,
  images: imagesOf,
  environment: ({ environment }) =>
    Object.entries(environment ?? {})
      .flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`))
      .toSorted(byUtf8),
};

function modelOf(model: Json): string {
  return isObject(model) && typeof model.model === "string" ? model.model : "";
}

/** Of what is not finished: neither switched on or off by profiles nor narrowed to some services. */
async function asWritten(
  merged: Mapping,
  { format, lockImageDigests, resolveImageDigests }: ConfigFlags,
  list: List | undefined,
): Promise<string> {
  const digests = lockImageDigests === true || resolveImageDigests === true;
  if (list === "variables") {
    const { renderVariables } = await import("./render/variables.ts");
    return renderVariables(variablesOf(merged), format);
  }
  if (list === "services") return lines([...entriesOf(get(merged, "services")).keys()].toSorted());
  if (list !== undefined || digests) throw unread(list ?? "resolve-image-digests");
  return formatted(renderMerged(merged, format ?? "yaml"), format);
}

function unread(flag: string): DsoError {
  return new DsoError("usage", `--no-interpolate and --${flag} exclude each other.`, {
    hint: "What that is of is the project, which is known with the values of its variables.",
  });
}

function left(flags: ConfigFlags & ComposeFlags): ReadonlySet<Omission> {
  const without = new Set<Omission>();
  if (flags.allResources === true) without.add("narrowing");
  if (!flags.consistency) without.add("consistency");
  if (!flags.envResolution) without.add("variable files");
  if (!flags.normalize) without.add("normalisation");
  if (!flags.pathResolution) without.add("paths");
  return without;
}

async function formatted(model: Json, format: ConfigFlags["format"]): Promise<string> {
  if (format === "json") return JSON.stringify(model, undefined, 2);
  const { yamlText } = await import("../compose/output/yamlText.ts");
  return `${yamlText(model)}\n`;
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}

/** The registries are asked by the engine, as they are for a pull. */
async function pin(
  { engine }: Context,
  project: LoadedProject,
  services: readonly string[],
  signal: AbortSignal,
): Promise<LoadedProject> {
  const { pinImages } = await import("../compose/output/digests.ts");
  const wanted = narrow(project, services);
  return pinImages(wanted, (image) => engine.registryDigest(image, [], 0, signal));
}

/** Lines of `service hash`, as Compose prints them; no engine is asked. */
async function hashes(
  context: Context,
  project: LoadedProject,
  wanted: string,
  signal: AbortSignal,
): Promise<string> {
  const all = [...project.services.keys()];
  const names = wanted === "*" ? all : wanted.split(",");
  const dialect = await composeDialect(context, project, signal);
  return lines(
    names.map((name) => {
      const model = project.services.get(name);
      if (model !== undefined) return `${name} ${serviceHash(model, dialect)}`;
      throw noService(name, project);
    }),
  );
}

function noService(name: string, { services, disabledServices }: LoadedProject): DsoError {
  if (disabledServices.includes(name)) {
    return new DsoError("usage", `The service ${name} is switched off.`, {
      hint: "Switch one of its profiles on with --profile.",
    });
  }
  return new DsoError("usage", `There is no service ${name}.`, {
    hint: `The project has ${[...services.keys()].join(", ")}.`,
  });
}
