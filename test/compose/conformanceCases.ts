/** Runs one case of the conformance data and says how the loader did. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { serviceHash } from "../../src/compose/output/hash.ts";
import { loadProject, openProject } from "../../src/compose/load.ts";
import type { LoadedProject, LoadOptions } from "../../src/compose/load.ts";
import type { Mapping } from "../../src/compose/node.ts";
import { imagesOf, renderMerged, renderProject } from "../../src/compose/output/render.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { Json, ServiceModel } from "../../src/model/project.ts";

/** `wrong` is a result, or an acceptance, that Compose does not have. */
export type Verdict =
  { readonly kind: "matched" | "refused" } | { readonly kind: "wrong"; readonly why: string };

interface Case {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly config?: readonly string[];
  readonly cwd?: string;
  readonly stdin?: string;
  readonly dirs?: readonly string[];
  readonly exitCode: number;
}

const checkout = path.join(import.meta.dirname, "../..");
export const CASES = path.join(
  process.env.DSO_CONFORMANCE ?? path.join(checkout, "../shared/conformance"),
  "cases",
);

const LEFT_OUT = {
  consistency: "--no-consistency",
  normalisation: "--no-normalize",
  paths: "--no-path-resolution",
} as const;

/** Where the cases lay when Compose saw them: its hashes contain absolute paths. */
const RECORDED = "/srv";

export function caseNames(group: string): readonly string[] {
  return readdirSync(path.join(CASES, group)).map((name) => `${group}/${name}`);
}

export function runCase(id: string): Promise<Verdict> {
  return laidOut(id, (given, parent) => judge(path.join(CASES, id), parent, given));
}

/**
 * The same input for a Docker Compose of this machine. Answers the first difference of what the two make of
 * it; undefined where there is none.
 */
export function compareWith(program: string, id: string): Promise<string | undefined> {
  return laidOut(id, async (given, parent) => {
    const options = optionsOf(given, parent);
    const argv = [...given.args, "config", "--format", "json", ...(given.config ?? [])];
    const theirs = spawnSync(program, argv, {
      ...{ cwd: options.cwd, encoding: "utf8", input: given.stdin ?? "", timeout: 60_000 },
      env: options.env,
    });
    const ours = await loadProject(options, new AbortController().signal).catch(
      (error: unknown) => {
        if (!(error instanceof DsoError)) throw error;
        return error;
      },
    );
    if (theirs.status !== 0 && ours instanceof DsoError) return undefined;
    if (theirs.status !== 0) return `accepted, but refused there: ${theirs.stderr.trim()}`;
    if (ours instanceof DsoError) return `refused, but accepted there: ${ours.message}`;
    const model = renderProject(ours, { services: servicesOf(given) });
    return firstDifference(plain(JSON.parse(theirs.stdout) as Json), plain(model));
  });
}

/** `given` in a directory of its own, which goes afterwards. */
async function laidOut<T>(
  id: string,
  use: (given: Case, parent: string) => Promise<T>,
): Promise<T> {
  const source = path.join(CASES, id);
  const parent = await mkdtemp(path.join(tmpdir(), "dso-conformance-"));
  const base = path.join(parent, "case");
  try {
    await cp(path.join(source, "input"), base, { recursive: true });
    const given = readCase(source, base);
    for (const directory of given.dirs ?? []) {
      await mkdir(path.join(base, directory), { recursive: true });
    }
    return await use(given, parent);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

function readCase(source: string, base: string): Case {
  const text = readFileSync(path.join(source, "case.json"), "utf8");
  return JSON.parse(text.replaceAll("${CASE_DIR}", base)) as Case;
}

async function judge(source: string, parent: string, given: Case): Promise<Verdict> {
  let project: LoadedProject | Mapping;
  try {
    const opened = await openProject(optionsOf(given, parent), new AbortController().signal);
    const interpolated = given.config?.includes("--no-interpolate") !== true;
    project = await (interpolated ? opened.load() : opened.merged());
  } catch (error) {
    return judgeError(error, given);
  }
  if (given.exitCode !== 0) return { kind: "wrong", why: "accepted what Compose refuses" };
  const why = compare(source, parent, project, servicesOf(given));
  return why === undefined ? { kind: "matched" } : { kind: "wrong", why };
}

function judgeError(error: unknown, given: Case): Verdict {
  if (!(error instanceof DsoError)) throw error;
  if (given.exitCode !== 0) return { kind: "refused" };
  return { kind: "wrong", why: `refused what Compose accepts: ${error.message}` };
}

function servicesOf({ config = [] }: Case): readonly string[] {
  return config.filter((argument) => !argument.startsWith("-"));
}

function optionsOf(given: Case, parent: string): LoadOptions {
  const named = (flag: string) =>
    given.args.flatMap((argument, i) => (given.args[i - 1] === flag ? [argument] : []));
  const [projectName] = named("-p");
  const [projectDirectory] = named("--project-directory");
  const environmentFiles = named("--env-file");
  const home = `${RECORDED}/home`;
  return {
    cwd: path.resolve(parent, "case", given.cwd ?? "."),
    files: named("-f"),
    profiles: named("--profile"),
    services: servicesOf(given),
    show: {
      without: new Set(
        (["consistency", "normalisation", "paths"] as const).filter((one) =>
          given.config?.includes(LEFT_OUT[one]),
        ),
      ),
    },
    env: { PATH: "/usr/bin:/bin", HOME: home, ...given.env },
    home,
    ...(given.stdin === undefined ? {} : { stdin: given.stdin }),
    ...(projectName === undefined ? {} : { projectName }),
    ...(projectDirectory === undefined ? {} : { projectDirectory }),
    ...(environmentFiles.length === 0 ? {} : { environmentFiles }),
  };
}

/** The first difference to what Compose printed, if there is one. */
function compare(
  source: string,
  parent: string,
  project: LoadedProject | Mapping,
  services: readonly string[],
): string | undefined {
  const recorded = <T>(value: T): T =>
    JSON.parse(JSON.stringify(value).replaceAll(parent, RECORDED)) as T;
  const expected = (file: string) => {
    const place = path.join(source, file);
    if (!existsSync(place)) return undefined;
    return readFileSync(place, "utf8").replaceAll("${CASE_DIR}", `${RECORDED}/case`);
  };
  const read = (file: string, decode: (text: string) => unknown): Json | undefined => {
    const text = expected(file);
    return text === undefined ? undefined : (decode(text) as Json);
  };
  if ("kind" in project) {
    const wanted = read("expect.json", JSON.parse) ?? null;
    return firstDifference(plain(wanted), plain(recorded(renderMerged(project, "json"))));
  }
  const render = (form: "json" | "yaml") => recorded(renderProject(project, { services, form }));
  const lines = (text: string): readonly string[] => text.trim().split("\n");
  const pairs: readonly (readonly [string, Json | undefined, Json])[] = [
    ["the model", read("expect.json", JSON.parse), render("json")],
    ["the YAML", read("expect.yaml", parse), render("yaml")],
    ["the hashes", read("hash.txt", lines), hashLines(recorded, project)],
    ["the lists", read("lists.json", JSON.parse), listsOf(project)],
  ];
  for (const [what, wanted, got] of pairs) {
    const found = wanted === undefined ? undefined : firstDifference(plain(wanted), plain(got));
    if (found !== undefined) return `${what}: ${found}`;
  }
  return undefined;
}

/** JSON has no negative zero of its own. */
const plain = (value: Json): Json => JSON.parse(JSON.stringify(value)) as Json;

/** `where: wanted, got`; undefined where they are equal. The order of keys does not count. */
function firstDifference(wanted: Json, got: Json, at = ""): string | undefined {
  if (isDeepStrictEqual(wanted, got)) return undefined;
  const [theirs, ours] = [childrenOf(wanted), childrenOf(got)];
  if (theirs === undefined || ours === undefined) {
    return `${at || "all"}: ${JSON.stringify(wanted)} is to be, ${JSON.stringify(got)} is`;
  }
  for (const key of new Set([...theirs.keys(), ...ours.keys()])) {
    const [one, other] = [theirs.get(key), ours.get(key)];
    const place = at === "" ? key : `${at}.${key}`;
    if (one === undefined) return `${place}: ${JSON.stringify(other)} is too much`;
    if (other === undefined) return `${place}: ${JSON.stringify(one)} is missing`;
    const found = firstDifference(one, other, place);
    if (found !== undefined) return found;
  }
  return undefined;
}

function childrenOf(value: Json): ReadonlyMap<string, Json> | undefined {
  return typeof value === "object" && value !== null
    ? new Map(Object.entries(value as Readonly<Record<string, Json>>))
    : undefined;
}

function hashLines(recorded: <T>(value: T) => T, project: LoadedProject): readonly string[] {
  return [...project.services].map(
    ([name, service]) => `${name} ${serviceHash(recorded<ServiceModel>(service), "v5")}`,
  );
}

function listsOf(project: LoadedProject): Json {
  return {
    services: [...project.services.keys()],
    images: imagesOf(project),
    volumes: [...project.volumes.keys()].toSorted(),
    networks: [...project.networks.keys()].toSorted(),
    profiles: project.knownProfiles,
  };
}
