/** Variables in the forms that `docker compose config --variables` has. */
import type { Use } from "../../compose/variables/template.ts";
import { yamlText } from "../../compose/output/yamlText.ts";

const HEAD = ["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"];
const WIDTH = 20;
const GAP = 3;

export function renderVariables(
  variables: readonly Use[],
  format: "yaml" | "json" | undefined,
): string {
  if (format === undefined) return columns(variables);
  const upper = format === "json";
  const described = variables.map(({ name, fallback, alternate, required }) => {
    const fields = [
      ["Name", name],
      ["DefaultValue", fallback],
      ["PresenceValue", alternate],
      ["Required", required],
    ] as const;
    return [
      name,
      Object.fromEntries(fields.map(([key, value]) => [upper ? key : key.toLowerCase(), value])),
    ] as const;
  });
  const all = Object.fromEntries(described);
  return upper ? `${JSON.stringify(all, undefined, 4)}\n\n` : `${yamlText(all, 4)}\n`;
}

function columns(variables: readonly Use[]): string {
  const rows = variables.map(({ name, required, fallback, alternate }) => [
    name,
    String(required),
    fallback,
    alternate,
  ]);
  const all = [HEAD, ...rows];
  const widths = HEAD.slice(0, -1).map((_, column) =>
    Math.max(WIDTH, ...all.map((row) => width(row[column] ?? "") + GAP)),
  );
  const pad = (cell: string, column: number): string =>
    cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - width(cell)));
  return all.map((row) => `${row.map(pad).join("")}\n`).join("");
}

function width(cell: string): number {
  return Array.from(cell).length;
}
