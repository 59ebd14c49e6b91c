/** Brings a value into the order of its shape, without what Compose leaves out. */
import type { Json } from "../../model/project.ts";
import { byCount, byUtf8 } from "../order.ts";
import type { Shape } from "./shape.ts";

/**
 * `model`: all there is. `json`: without `x-*`, as Compose prints it and hashes it. `yaml`: as Compose
 * prints that, which says nothing of what is empty.
 */
export type Form = "model" | "json" | "yaml";

type JsonObject = { readonly [key: string]: Json };

/** Of the keys that the shape does not have only `x-*` may stay. */
export function arrange(value: Json, shape: Shape, form: Form): Json {
  if (value === null) return null;
  switch (shape.kind) {
    case "value":
      return value;
    case "list":
      return Array.isArray(value)
        ? (value as readonly Json[]).map((item) => arrange(item, shape.item, form))
        : value;
    case "map":
      return isObject(value) ? arrangeMap(value, shape.entry, form) : value;
    case "struct":
      return isObject(value) ? arrangeStruct(value, shape.fields, form) : value;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function extensionsOf(json: Json): Readonly<Record<string, Json>> {
  if (!isObject(json)) return {};
  return Object.fromEntries(Object.entries(json).filter(([key]) => key.startsWith("x-")));
}

function arrangeMap(value: JsonObject, entry: Shape, form: Form): Json {
  const sorted = Object.keys(value).toSorted(form === "yaml" ? byCount : byUtf8);
  return Object.fromEntries(sorted.map((key) => [key, arrange(value[key] ?? null, entry, form)]));
}

function arrangeStruct(value: JsonObject, fields: ReadonlyMap<string, Shape>, form: Form): Json {
  const entries: [string, Json][] = [];
  for (const [key, shape] of fields) {
    const given = value[key] ?? (isWritten(shape) && shape.kind === "struct" ? {} : null);
    const arranged = arrange(given, shape, form);
    if (stays(arranged, shape, form)) entries.push([key, arranged]);
  }
  if (form !== "json") entries.push(...Object.entries(extensionsOf(value)));
  return Object.fromEntries(entries);
}

const isWritten = ({ keep }: Shape): boolean => keep === "always" || keep === "shown";

function stays(value: Json, { keep }: Shape, form: Form): boolean {
  if (keep === "always" || (keep === "shown" && form !== "yaml")) return true;
  if (value === null) return false;
  if (keep === "set" || (keep === "shown" && Array.isArray(value))) return true;
  if (Array.isArray(value)) return value.length > 0;
  if (isObject(value)) return Object.keys(value).length > 0;
  return value !== "" && value !== 0 && value !== false;
}

/** JSON as Go writes it: compact, `<`, `>`, `&` and two line separators escaped. */
export function goJson(value: Json, shape: Shape): string {
  if (shape.kind === "list" && Array.isArray(value)) {
    return `[${(value as readonly Json[]).map((item) => goJson(item, shape.item)).join(",")}]`;
  }
  if (shape.kind === "map" && isObject(value)) {
    const keys = Object.keys(value).toSorted(byUtf8);
    return `{${keys.map((key) => goEntry(key, value[key] ?? null, shape.entry)).join(",")}}`;
  }
  if (shape.kind === "struct" && isObject(value)) {
    const present = [...shape.fields].filter(([key]) => value[key] !== undefined);
    return `{${present.map(([key, field]) => goEntry(key, value[key] ?? null, field)).join(",")}}`;
  }
  return goText(value);
}

function goEntry(key: string, value: Json, shape: Shape): string {
  return `${goText(key)}:${goJson(value, shape)}`;
}

function goText(value: Json): string {
  return JSON.stringify(value, (_, item: Json) =>
    typeof item === "string" ? item.toWellFormed() : item,
  ).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
