import { median, pairedRatio, type Times } from "./race.ts";

export interface Row {
  readonly figure: string;
  readonly value: string;
  readonly baseline?: string;
  readonly baselineValue?: string;
  /** Of the medians, and the median over neighbouring rounds. */
  readonly ratio?: number;
  readonly paired?: number;
  readonly budget?: string;
  readonly ok?: boolean;
}

interface Measured {
  readonly name: string;
  readonly times: Times;
}

/** A budget holds when either ratio keeps it: a burst of other work moves one, seldom both. */
export function ratioRow(subject: Measured, baseline: Measured, budget?: number): Row {
  const ratio = median(subject.times) / median(baseline.times);
  const paired = pairedRatio(subject.times, baseline.times);
  return {
    figure: subject.name,
    value: spread(subject.times),
    baseline: baseline.name,
    baselineValue: spread(baseline.times),
    ratio,
    paired,
    ...(budget === undefined
      ? {}
      : { budget: `${budget.toFixed(1)} x`, ok: Math.min(ratio, paired) <= budget }),
  };
}

function spread(times: Times): string {
  const [least, most] = [Math.min(...times), Math.max(...times)];
  return `${median(times).toFixed(0)} (${least.toFixed(0)}-${most.toFixed(0)})`;
}

const HEAD = [
  "figure",
  "ms (min-max)",
  "baseline",
  "ms (min-max)",
  "ratio",
  "paired",
  "budget",
  "",
];

export function renderTable(rows: readonly Row[]): string {
  const cells = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0), 3),
  );
  const lines = cells.map((line) => line.map((cell, at) => cell.padEnd(widths[at] ?? 0)));
  lines.splice(
    1,
    0,
    widths.map((width) => "-".repeat(width)),
  );
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

function cellsOf(row: Row): string[] {
  const verdict = row.ok === undefined ? "" : row.ok ? "ok" : "OVER";
  return [
    row.figure,
    row.value,
    row.baseline ?? "",
    row.baselineValue ?? "",
    row.ratio?.toFixed(2) ?? "",
    row.paired?.toFixed(2) ?? "",
    row.budget ?? "",
    verdict,
  ];
}
