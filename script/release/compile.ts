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

/** What the program requires is Node's, or lies beside it: the other packages are in it. */
export function evaluateProgram(script: CompiledProgram, file: string): typeof Program {
  const module = { exports: {} };
  const evaluate = script.runInThisContext() as (
    target: typeof module,
    require: (id: string) => unknown,
  ) => void;
  evaluate(module, (id) =>
    id.startsWith("./")
      ? process.getBuiltinModule("node:module").createRequire(file)(id)
      : process.getBuiltinModule(id),
  );
  return module.exports as typeof Program;
}
