/** Capabilities, and what else the kernel keeps from a container. */
import type { HostConfig } from "../../model/engine.ts";
import type { ServiceModel } from "../../model/project.ts";
import { absoluteTarget } from "../bindings/targets.ts";
import type { CreateContext } from "./context.ts";
import { invalid, refusal } from "./context.ts";
import { compact } from "./resources.ts";

export function security(service: ServiceModel, context: CreateContext): HostConfig {
  const options = service.security_opt?.map((option, index) =>
    securityOption(option, ["security_opt", index], context),
  );
  const unconfined = options?.includes(UNCONFINED) === true;
  return compact({
    CapAdd: capabilities(service.cap_add),
    CapDrop: capabilities(service.cap_drop),
    SecurityOpt: options?.filter((option) => option !== UNCONFINED),
    MaskedPaths: unconfined ? [] : undefined,
    ReadonlyPaths: unconfined ? [] : undefined,
  });
}

/** No option of the engine's: it is sent as two lists without a path. */
const UNCONFINED = "systempaths=unconfined";

/** As Docker's own clients write them, so that two spellings are one. */
function capabilities(names: readonly string[] | undefined): HostConfig[string] {
  if (names === undefined) return undefined;
  const full = names.map((name) => {
    const upper = name.toUpperCase();
    return upper === "ALL" || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  });
  return [...new Set(full)].sort();
}

type Field = readonly (string | number)[];

/** The engine takes a profile as text: a file of the project is read for it. */
function securityOption(option: string, field: Field, context: CreateContext): string {
  const [, name, value] = /^([^=:]*)[=:](.*)$/s.exec(option) ?? [];
  if (name === undefined || value === undefined) {
    if (option === "no-new-privileges") return option;
    const what = `has "${option}", which is no option with a value`;
    throw refusal(context, field, what, "Write name:value, or no-new-privileges.");
  }
  if (name !== "seccomp" || value === "unconfined" || value === "builtin") return option;
  return `seccomp=${profile(absoluteTarget(value, context.project.workingDir), field, context)}`;
}

function profile(path: string, field: Field, context: CreateContext): string {
  try {
    const text = context.readFile(path);
    JSON.parse(text);
    return text.replace(/("(?:\\.|[^"\\])*")|\s+/g, "$1");
  } catch (cause) {
    const why = cause instanceof SyntaxError ? "is no JSON" : (cause as Error).message;
    const hint = "Name a file that holds a seccomp profile; a relative path starts at the project.";
    throw invalid(context, field, `names ${path}, which ${why}`, { hint, cause });
  }
}
