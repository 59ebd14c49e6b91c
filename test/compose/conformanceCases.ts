/** Runs one case of the conformance data and says how the loader did. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { serviceHash } from "../../src/compose/hash.ts";
import { loadProject } from "../../src/compose/load.ts";
import type { LoadedProject, LoadOptions } from "../../src/compose/load.ts";
import { imagesOf, renderProject } from "../../src/compose/render.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { Json, ServiceModel } from "../../src/model/project.ts";

/** `wrong` is a result, or an acceptance, that Compose does not have. */
export type Verdict =
  | { readonly kind: "matched" | "refused" }
  | { readonly kind: "unsupported"; readonly error: DsoError }
  | { readonly kind: "wrong"; readonly why: string };

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

const LEFT_OUT = { consistency: "--no-consistency", paths: "--no-path-resolution" } as const;

/** Where the cases lay when Compose saw them: its hashes contain absolute paths. */
const RECORDED = "/srv";

export function caseNames(group: string): readonly string[] {
  return readdirSync(path.join(CASES, group)).map((name) => `${group}/${name}`);
}

export async function runCase(id: string): Promise<Verdict> {
  const source = path.join(CASES, id);
  const parent = await mkdtemp(path.join(tmpdir(), "dso-conformance-"));
  const base = path.join(parent, "case");
  try {
    await cp(path.join(source, "input"), base, { recursive: true });
    const given = readCase(source, base);
    for (const directory of given.dirs ?? []) {
      await mkdir(path.join(base, directory), { recursive: true });
    }
    return await judge(source, parent, given);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

function readCase(source: string, base: string): Case {
  const text = readFileSync(path.join(source, "case.json"), "utf8");
  return JSON.parse(text.replaceAll("${CASE_DIR}", base)) as Case;
}

async function judge(source: string, parent: string, given: Case): Promise<Verdict> {
  let project: LoadedProject;
  try {
    project = await loadProject(optionsOf(given, parent), AbortSignal.timeout(10_000));
  } catch (error) {
    return judgeError(error, given);
  }
  if (given.exitCode !== 0) return { kind: "wrong", why: "accepted what Compose refuses" };
  const why = compare(source, parent, project, servicesOf(given));
  return why === undefined ? { kind: "matched" } : { kind: "wrong", why };
}

function judgeError(error: unknown, given: Case): Verdict {
  if (!(error instanceof DsoError)) throw error;
  if (error.code === "compose-unsupported") return { kind: "unsupported", error };
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
        (["consistency", "paths"] as const).filter((one) => given.config?.includes(LEFT_OUT[one])),
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
  project: LoadedProject,
  services: readonly string[],
): string | undefined {
  const recorded = <T>(value: T): T =>
    JSON.parse(JSON.stringify(value).replaceAll(parent, RECORDED)) as T;
  const expected = (file: string) => {
    const place = path.join(source, file);
    if (!existsSync(place)) return undefined;
    return readFileSync(place, "utf8").replaceAll("${CASE_DIR}", `${RECORDED}/case`);
  };
  const json = expected("expect.json");
  const model = recorded(renderProject(project, { services }));
  if (json !== undefined && !same(JSON.parse(json) as Json, model)) return "another model";
  const yaml = expected("expect.yaml");
  const extended = recorded(renderProject(project, { services, form: "yaml" }));
  if (yaml !== undefined && !same(parse(yaml) as Json, extended)) return "other x- keys";
  const hashes = expected("hash.txt");
  if (hashes !== undefined && hashes.trim() !== hashLines(recorded, project)) return "other hashes";
  const lists = expected("lists.json");
  if (lists !== undefined && !same(JSON.parse(lists) as Json, listsOf(project))) {
    return "other lists";
  }
  return undefined;
}

/** JSON has no negative zero of its own. */
function same(expected: Json, actual: Json): boolean {
  const plain = (value: Json) => JSON.parse(JSON.stringify(value)) as Json;
  return isDeepStrictEqual(plain(expected), plain(actual));
}

function hashLines(recorded: <T>(value: T) => T, project: LoadedProject): string {
  return [...project.services]
    .map(([name, service]) => `${name} ${serviceHash(recorded<ServiceModel>(service), "v5")}`)
    .join("\n");
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
