/** Variables that hold values: as the engine is told them, or as a file that a sealed container reads. */
import { isUtf8 } from "node:buffer";
import {
  type Binding,
  type DesiredService,
  type FileDelivery,
  type Grade,
  type Template,
} from "../../model/desired.ts";
import { DsoError } from "../../model/errors.ts";
import { type Sealer, VARIABLES_TARGET } from "../../model/sealing.ts";
import type { Secret } from "../../model/secret.ts";
import type { Values } from "./values.ts";

/** The kernel's limit for `NAME=value` of one variable, its final NUL included. */
const LARGEST_VARIABLE = 131_072;

interface Variable {
  readonly name: string;
  readonly template: Template;
  readonly value: Buffer;
}

/** Those of that grade, each with its value. Rejects where no variable can hold one. */
function variablesOf(
  { name: service, bindings }: DesiredService,
  values: Values,
  wanted: Grade,
): readonly Variable[] {
  return bindings.flatMap((binding): readonly Variable[] => {
    const { place, template, grade } = binding;
    if (place.kind !== "environment" || grade !== wanted) return [];
    const value = values.render(template).reveal();
    checkVariable(service, place.name, value, binding);
    return [{ name: place.name, template, value }];
  });
}

/** The values of variables that go into the container's configuration as they are. */
export function exposedEnvironment(
  service: DesiredService,
  values: Values,
): Readonly<Record<string, string>> {
  const variables = variablesOf(service, values, "exposed");
  return Object.fromEntries(variables.map(({ name, value }) => [name, value.toString("utf8")]));
}

/** What a sealed container reads, as one more file of its memory directory; undefined without any. */
export function variablesFile(
  service: DesiredService,
  values: Values,
  sealer: Sealer,
): { readonly file: FileDelivery; readonly content: Secret } | undefined {
  const variables = variablesOf(service, values, "sealed");
  if (variables.length === 0) return undefined;
  const write = sealer === "shim" ? asEntry : asExport;
  const file = {
    target: VARIABLES_TARGET,
    inDirectory: false,
    content: { kind: "template", template: variables.flatMap(({ template }) => template) },
    ...{ mode: undefined, uid: undefined, gid: undefined },
  } as const;
  return { file, content: values.hold(Buffer.concat(variables.flatMap(write))) };
}

function asEntry({ name, value }: Variable): readonly Buffer[] {
  return [Buffer.from(`${name}=`), value, Buffer.of(0)];
}

/** Within single quotes a shell takes every byte as it is, but for the quote itself. */
function asExport({ name, value }: Variable): readonly Buffer[] {
  const quoted: Buffer[] = [];
  for (let from = 0; ;) {
    const at = value.indexOf("'", from);
    quoted.push(value.subarray(from, at === -1 ? undefined : at));
    if (at === -1) break;
    quoted.push(Buffer.from(String.raw`'\''`));
    from = at + 1;
  }
  return [Buffer.from(`export ${name}='`), ...quoted, Buffer.from("'\n")];
}

/** How much room its sealed variables need. */
export function variablesBytes(service: DesiredService, values: Values): number {
  const variables = variablesOf(service, values, "sealed");
  return variables.reduce((sum, { name, value }) => sum + name.length + value.length + 2, 0);
}

/** Finds what no variable can hold, before anything is changed. */
export function checkVariables(service: DesiredService, values: Values): void {
  variablesOf(service, values, "exposed");
  variablesOf(service, values, "sealed");
}

function checkVariable(service: string, name: string, value: Buffer, binding: Binding): void {
  const detail = {
    hint: "Deliver it as a file: dsofile://…",
    ...(binding.position === undefined ? {} : { position: binding.position }),
  };
  if (Buffer.byteLength(name) + value.length + 2 > LARGEST_VARIABLE) {
    throw new DsoError(
      "secret-too-large",
      `service ${service}: the value of ${name} is too long for a variable (${value.length} bytes; name and value together stay below 128 KiB)`,
      detail,
    );
  }
  // The engine is told exposed values as text; a file takes every byte that a variable can have.
  if (value.includes(0) || (binding.grade === "exposed" && !isUtf8(value))) {
    throw new DsoError(
      "policy-refused",
      `service ${service}: the value of ${name} is no text, so it cannot be a variable`,
      detail,
    );
  }
}
