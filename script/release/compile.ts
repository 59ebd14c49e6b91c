import type * as Program from "../../src/cli/process.ts";

// Imported, a module of Node's evaluates all that it exports, which loads more of Node than we use.
const { readFileSync } = process.getBuiltinModule("node:fs");
const { Script } = process.getBuiltinModule("node:vm");

export type CompiledProgram = InstanceType<typeof Script>;

/** The bundled program. V8 does without `compiled` where another V8 made it, or one with other flags. */
export function compileProgram(file: string, compiled?: Buffer): CompiledProgram {
  // The bundle is ASCII, and this is the decoding that costs nothing.
  return new Script(readFileSync(file, "latin1"), {
    filename: file,
    ...(compiled === undefined ? {} : { cachedData: compiled }),
  });
}

/** All that the program requires is Node's: the packages are in it. */
export function evaluateProgram(script: CompiledProgram): typeof Program {
  const module = { exports: {} };
  const evaluate = script.runInThisContext() as (
    target: typeof module,
    require: typeof process.getBuiltinModule,
  ) => void;
  evaluate(module, (id: string) => process.getBuiltinModule(id));
  return module.exports as typeof Program;
}
