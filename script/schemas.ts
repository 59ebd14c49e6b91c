/**
 * Compiles the JSON Schemas into validators that need no compiler at run time:
 * `node script/schemas.ts`. What it writes is not committed.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 as Ajv, type Options } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import { buildSync } from "esbuild";

type Schema = { [key: string]: unknown };
type Schemas = Readonly<Record<string, Schema>>;

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);

/** The Compose Specification's schema, with what newer versions of Compose added. */
function composeSchema(): Schema {
  const published = require.resolve("docker-compose/schema/compose-spec.json");
  const schema = readJson(published);
  delete schema.$schema;
  const additions = readJson(path.join(root, "schemas/compose.additions.json"));
  const whole = patch(schema, additions) as Schema;
  return withoutWords(withContainers(whole, additions.definitions as Schemas)) as Schema;
}

/**
 * A job, and a container before a service's own, have what a service has, but for what the additions
 * take away (`null`), and what they say. Its fields become definitions, so that the validator has the
 * code of each once.
 */
function withContainers(schema: Schema, additions: Schemas): Schema {
  const { service, ...definitions } = schema.definitions as Schemas;
  const fields = Object.entries(service?.properties as Schemas);
  const named = fields.map(([key, field]) => [`service_${key}`, field] as const);
  const references = fields.map(
    ([key]) => [key, { $ref: `#/definitions/service_${key}` }] as const,
  );
  const container = { ...service, properties: Object.fromEntries(references) };
  const containers = {
    service: container,
    init_container: patch(container, additions.init_container),
    job: patch(container, additions.job),
  };
  return {
    ...schema,
    definitions: { ...definitions, ...Object.fromEntries(named), ...containers },
  };
}

/** What only people read goes: a validator carries its schema with it, for the errors. */
function withoutWords(part: unknown): unknown {
  if (typeof part !== "object" || part === null) return part;
  if (Array.isArray(part)) return part.map(withoutWords);
  const kept = Object.entries(part).filter(
    ([key, value]) => !(WORDS.has(key) && typeof value !== "object"),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutWords(value)]));
}

const WORDS: ReadonlySet<string> = new Set(["title", "description", "deprecated"]);

function readJson(file: string): Schema {
  return JSON.parse(readFileSync(file, "utf8")) as Schema;
}

/** JSON Merge Patch (RFC 7396). */
function patch(target: unknown, change: unknown): unknown {
  if (typeof change !== "object" || change === null || Array.isArray(change)) return change;
  const result = new Map(Object.entries((target as Schema | undefined) ?? {}));
  for (const [key, value] of Object.entries(change)) {
    if (value === null) result.delete(key);
    else result.set(key, patch(result.get(key), value));
  }
  return Object.fromEntries(result);
}

function ownSchema(file: string): () => Schema {
  return () => readJson(path.join(root, "schemas", file));
}

/** All that is wrong is told, with the parts of the schema that say so. */
const FAULTS = { strict: false, allErrors: true, verbose: true } as const;

const KINDS = {
  /** Inlined, what many places refer to is there as often: a third of the code, read at each start. */
  compact: { ...FAULTS, inlineRefs: false },
  /** What the schema gives as default is filled into the value that is validated. */
  defaults: { ...FAULTS, useDefaults: true },
  /** The first fault is enough. */
  first: { strict: false },
} as const satisfies Record<string, Options>;

interface Target {
  readonly schema: () => Schema;
  readonly output: string;
  readonly kind: keyof typeof KINDS;
  /** Not the whole is validated, but these of its `$defs`, each by an export of its name. */
  readonly parts?: readonly string[];
}

const TARGETS: readonly Target[] = [
  { schema: composeSchema, output: "src/compose/generated/schema.js", kind: "compact" },
  {
    schema: ownSchema("dso.schema.json"),
    output: "src/config/generated/dso.js",
    kind: "defaults",
  },
  {
    schema: ownSchema("dso-service.schema.json"),
    output: "src/config/generated/service.js",
    kind: "defaults",
  },
  {
    schema: ownSchema("plan.schema.json"),
    output: "src/reconciler/generated/plan.js",
    kind: "compact",
  },
  {
    schema: ownSchema("plugin-protocol.json"),
    output: "src/providers/plugin/generated/protocol.js",
    kind: "first",
    parts: ["fromPlugin", "initializeResult", "versionsResult", "readResult"],
  },
];

function compile(schema: Schema, output: string, { kind, parts }: Target): void {
  const ajv = new Ajv({
    code: { source: true, esm: true },
    ...KINDS[kind],
  });
  const emit = standalone as unknown as (ajv: Ajv, validate: unknown) => string;
  const whole = ajv.compile(schema);
  const named = parts?.map((name) => [name, `${String(schema.$id)}#/$defs/${name}`]);
  const validate: unknown = named === undefined ? whole : Object.fromEntries(named);
  const { outputFiles } = buildSync({
    stdin: { contents: emit(ajv, validate), resolveDir: root },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    write: false,
  });
  mkdirSync(path.dirname(output), { recursive: true });
  writeFileSync(output, `/* eslint-disable */\n${outputFiles[0]?.text ?? ""}`);
}

for (const target of TARGETS) {
  compile(target.schema(), path.join(root, target.output), target);
}
