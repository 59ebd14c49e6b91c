/** The stores of secrets, for people: whether they answer, what they said, and how old that is. */
import type { AgentStatus, StoreStatus } from "../../agent/control.ts";
import { showDuration } from "../../model/duration.ts";
import type { DsoError } from "../../model/errors.ts";
import type { ProviderStatus } from "../../reconciler/providerStatus.ts";
import type { Surveyed } from "../../reconciler/survey.ts";
import { printable, type Style } from "./style.ts";
import { table } from "./table.ts";

/** One line for each store; below it what the agent is told of single secrets instead of a version. */
export function providerBlock(
  providers: readonly ProviderStatus[],
  agent: AgentStatus | undefined,
  at: string,
  style: Style,
): string {
  const rows = providers.map(({ name, type, remote, error }) => {
    const known = agent?.providers.find((store) => store.name === name);
    const asked = agent === undefined ? [] : [remote ? contact(known, at) : "-"];
    return [name, type, ...asked, error === undefined ? "answers" : sentence(error)];
  });
  const head = ["PROVIDER", "TYPE", ...(agent === undefined ? [] : ["AGENT"]), "STATE"];
  const isBad = (index: number): boolean => providers[index]?.error !== undefined;
  return [
    coloured(head, rows, isBad, style),
    ...(agent?.providers ?? []).flatMap((store) => faults(store).map(style.red)),
  ].join("\n");
}

/** `answered 12 s ago, 3 secrets`; while it is away, how long that has been so. */
export function contact(known: StoreStatus | undefined, at: string): string {
  if (known === undefined) return "not asked yet";
  const { answeredAt, trouble, secrets } = known;
  const ago = (time: string): string =>
    showDuration(Math.max(0, Date.parse(at) - Date.parse(time)));
  const holds = secrets.length === 1 ? "1 secret" : `${secrets.length} secrets`;
  if (trouble !== undefined) return `away for ${ago(trouble.since)}, ${holds} as known before`;
  return answeredAt === undefined
    ? "not answered yet"
    : `answered ${ago(answeredAt)} ago, ${holds}`;
}

function faults({ name, secrets }: StoreStatus): readonly string[] {
  return secrets.flatMap(({ path, version, error }) => {
    if (error === undefined) return [];
    const last = version === undefined ? "" : `; its last version was ${version}`;
    return [printable(`  ${name}:${path}: ${error.message}${last}`)];
  });
}

/** One line for each secret that is named, and one for a store that is of no use. */
export function surveyBlock(surveyed: readonly Surveyed[], style: Style): string {
  const lines = surveyed.flatMap(({ provider, type, error, secrets }) =>
    error === undefined
      ? secrets.map((secret) => ({ ...secret, type }))
      : [{ name: `${provider}:`, type, version: undefined, error, note: "" }],
  );
  const rows = lines.map(({ name, type, version, error, note = "there" }) => [
    ...[name, type, version ?? "-"],
    error === undefined ? note : sentence(error),
  ]);
  const isBad = (index: number): boolean => lines[index]?.error !== undefined;
  return coloured(["SECRET", "TYPE", "VERSION", "STATE"], rows, isBad, style);
}

function sentence({ message, hint }: DsoError): string {
  return hint === undefined ? `${message}.` : `${message}. ${hint}`;
}

function coloured(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  isBad: (row: number) => boolean,
  style: Style,
): string {
  const lines = table(
    head,
    rows.map((row) => row.map(printable)),
  ).split("\n");
  return lines.map((line, index) => (isBad(index - 1) ? style.red(line) : line)).join("\n");
}

/** Keys stay as they are from release to release; new ones may come. */
export function providersJson(providers: readonly ProviderStatus[]): readonly object[] {
  return providers.map(({ name, type, error }) => ({
    ...{ name, type, ok: error === undefined },
    ...(error && { error: { code: error.code, message: error.message } }),
  }));
}
