/** Whatever a file holds: a project, or a refusal that says where. Never a crash, never a hang. */
import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadProject } from "../../src/compose/load.ts";
import { renderProject } from "../../src/compose/output/render.ts";
import { DsoError } from "../../src/model/errors.ts";
import { CASES, caseNames } from "./conformanceCases.ts";

const RUNS = Number(process.env["DSO_FUZZ_RUNS"] ?? 300);
const PATIENCE_MS = 60_000;

/** Of a file that is read from standard input. Undefined: it is a project, and can be printed. */
async function refusalOf(text: string): Promise<DsoError | undefined> {
  const options = {
    cwd: tmpdir(),
    projectName: "fuzz",
    files: ["-"],
    stdin: text,
    env: {},
    home: "/nowhere",
  };
  try {
    const show = { without: new Set<never>() };
    const project = await loadProject({ ...options, show }, AbortSignal.timeout(PATIENCE_MS));
    for (const form of ["json", "yaml"] as const) renderProject(project, { form });
    return undefined;
  } catch (error) {
    if (error instanceof DsoError) return error;
    throw error;
  }
}

/** Something is wrong with the refusal itself. */
async function expectPlace(text: string): Promise<void> {
  const refusal = await refusalOf(text);
  for (const one of refusal === undefined ? [] : [refusal, ...refusal.others]) {
    expect(one.code).toMatch(/^compose-(invalid|unsupported)$/);
    expect(one.position?.line, one.message).toBeGreaterThan(0);
  }
}

const REAL = readdirSync(CASES)
  .flatMap(caseNames)
  .flatMap((id) => {
    const directory = join(CASES, id, "input");
    const names = readdirSync(directory).filter((name) => /^(docker-)?compose\.ya?ml$/.test(name));
    return names.map((name) => readFileSync(join(directory, name), "utf8"));
  })
  .filter((text) => text.length < 4000);

const TOKENS = [
  ...Array.from("{}[]:,#&*!|>'\"%@`\\$\t\n-?~ "),
  ..."<<: *a &a !reset !override null true 0x1f 1_000 2020-01-01 .inf ${A:?b} ${ $$ --- ...".split(
    " ",
  ),
  ...["services:", "x-a:", "extends:", "- ", "  ", "\u0000", "\ufeff", "é", "\u2028", "😀"],
];

/** A real file of which a few pieces are taken out, doubled, moved or replaced. */
const mutated = fc
  .tuple(
    fc.constantFrom(...REAL),
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        length: fc.nat(12),
        put: fc.oneof(fc.constantFrom(...TOKENS), fc.constant(""), fc.constant(undefined)),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([text, changes]) =>
    changes.reduce((now, { at, length, put }) => {
      const start = Math.floor(at * now.length);
      const piece = now.slice(start, start + length);
      return now.slice(0, start) + (put ?? piece + piece) + now.slice(start + length);
    }, text),
  );

test(
  "a real file that was damaged",
  () => fc.assert(fc.asyncProperty(mutated, expectPlace), { numRuns: RUNS }),
  600_000,
);

/** Values of any kind, as JSON, which YAML is a superset of. */
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, 0, -1, 1.5, "", "a", "a:b", "1:2:3", "${X}", "10m", "1s"),
    fc.array(tie("any"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "source", "target", "x-a", "test", "A=B"), tie("any"), {
      maxKeys: 3,
    }),
  ),
})).any;

const FIELDS = [
  ..."build command configs container_name cpus depends_on deploy develop devices dns entrypoint".split(
    " ",
  ),
  ..."env_file environment expose extends extra_hosts gpus healthcheck image init labels".split(
    " ",
  ),
  ..."links logging mem_limit models network_mode networks ports post_start pre_start".split(" "),
  ..."profiles provider pull_policy restart scale secrets shm_size sysctls tmpfs ulimits".split(
    " ",
  ),
  ..."volumes volumes_from working_dir".split(" "),
];

const project = fc.record(
  {
    name: fc.oneof(fc.constant("shop"), value),
    services: fc.dictionary(
      fc.constantFrom("web", "db"),
      fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 4 }),
      { maxKeys: 2 },
    ),
    networks: fc.dictionary(fc.constantFrom("a", "default"), value, { maxKeys: 2 }),
    volumes: fc.dictionary(fc.constantFrom("a"), value, { maxKeys: 1 }),
    secrets: fc.dictionary(fc.constantFrom("a"), value, { maxKeys: 1 }),
    configs: fc.dictionary(fc.constantFrom("a"), value, { maxKeys: 1 }),
    jobs: fc.dictionary(fc.constantFrom("night"), value, { maxKeys: 1 }),
    include: value,
  },
  { requiredKeys: ["services"] },
);

test(
  "any value at any field",
  () =>
    fc.assert(
      fc.asyncProperty(project, (model) => expectPlace(JSON.stringify(model, undefined, 1))),
      { numRuns: RUNS },
    ),
  600_000,
);
