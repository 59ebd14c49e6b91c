/**
 * Compiles the JSON Schemas into validators that need no compiler at run time:
 * `node script/schemas.ts`. What it writes is not committed.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 as Ajv } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import { buildSync } from "esbuild";

type Schema = { [key: string]: unknown };

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);

/** The Compose Specification's schema, with what newer versions of Compose added. */
function composeSchema(): Schema {
  const published = require.resolve("docker-compose/schema/compose-spec.json");
  const schema = readJson(published);
  delete schema.$schema;
  return patch(schema, readJson(path.join(root, "schemas/compose.additions.json"))) as Schema;
}

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

/** `defaults`: what the schema gives as default is filled into the value that is validated. */
interface Target {
  readonly schema: () => Schema;
  readonly output: string;
  readonly defaults: boolean;
}

const TARGETS: readonly Target[] = [
  { schema: composeSchema, output: "src/compose/generated/schema.js", defaults: false },
  {
    schema: ownSchema("dso.schema.json"),
    output: "src/config/generated/dso.js",
    defaults: true,
  },
  {
    schema: ownSchema("dso-service.schema.json"),
    output: "src/config/generated/service.js",
    defaults: true,
  },
  {
    schema: ownSchema("plan.schema.json"),
    output: "src/reconciler/generated/plan.js",
    defaults: false,
  },
];

function compile(schema: Schema, output: string, useDefaults: boolean): void {
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strict: false,
    useDefaults,
    code: { source: true, esm: true },
  });
  const emit = standalone as unknown as (ajv: Ajv, validate: unknown) => string;
  const { outputFiles } = buildSync({
    stdin: { contents: emit(ajv, ajv.compile(schema)), resolveDir: root },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    write: false,
  });
  mkdirSync(path.dirname(output), { recursive: true });
  writeFileSync(output, `/* eslint-disable */\n${outputFiles[0]?.text ?? ""}`);
}

for (const { schema, output, defaults } of TARGETS) {
  compile(schema(), path.join(root, output), defaults);
}
