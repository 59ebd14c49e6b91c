import type { AgentStatus } from "../../agent/control.ts";
import { showDuration } from "../../model/duration.ts";
import type { Rotation, RotationStatus } from "../../model/journal.ts";
import type { FailedAttempt, HistoryEntry } from "../../reconciler/state.ts";
import type { ProviderStatus } from "../../reconciler/providerStatus.ts";
import type {
  ProgramStatus,
  ProjectStatus,
  SecretStatus,
  ServiceStatus,
} from "../../reconciler/status.ts";
import { leaseBlock, type LeasesStatus } from "./leases.ts";
import { providerBlock, providersJson } from "./stores.ts";
import { printable, type Style } from "./style.ts";
import { table } from "./table.ts";

/** All that `status` tells: read when asked, nothing kept. */
export interface MachineStatus {
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly engine:
    | { readonly reachable: true; readonly version: string; readonly endpoint: string }
    | { readonly reachable: false; readonly error: string };
  /** Undefined: none is running. */
  readonly agent: AgentStatus | undefined;
  /** The stores of dso.yaml, but for the local vault. */
  readonly providers: readonly ProviderStatus[];
  readonly leases: LeasesStatus;
  readonly projects: readonly ProjectStatus[];
  readonly rotations: readonly Rotation[];
}

const UNFINISHED: ReadonlySet<RotationStatus> = new Set([
  "in_progress",
  "rolling_back",
  "rollback_required",
]);

export function renderStatus(status: MachineStatus, style: Style): string {
  const { engine, projects, providers, rotations } = status;
  const docker = engine.reachable
    ? `Docker ${engine.version} at ${engine.endpoint}`
    : style.red(`Docker: ${printable(engine.error)}`);
  const pending = rotations.filter((rotation) => UNFINISHED.has(rotation.status));
  const blocks = [
    [`DSO ${status.version}, ${docker}`, agentLine(status, style)].join("\n"),
    ...(providers.length === 0 ? [] : [providerBlock(providers, status.agent, status.at, style)]),
    ...leaseBlock(status.leases, status.agent, style),
    ...(projects.length === 0 ? ["No project was applied here yet: dso up, or dso apply."] : []),
    ...projects.map((project) => projectBlock(project, status.agent, style)),
    ...(pending.length === 0 ? [] : [pendingBlock(pending, status.at, style)]),
  ];
  return blocks.join("\n\n");
}

function agentLine({ agent, at }: MachineStatus, style: Style): string {
  if (agent === undefined) return style.dim("No agent is running: nothing changes by itself.");
  const uptime = showDuration(Math.max(0, Date.parse(at) - Date.parse(agent.startedAt)));
  const line = `Agent: running for ${uptime} (pid ${agent.pid})`;
  const { engineError } = agent;
  return engineError === undefined ? line : `${line}, ${style.red(printable(engineError))}`;
}

/** What the agent last did with the project, and when it looks again. */
function agentLines(name: string, agent: AgentStatus | undefined): readonly string[] {
  const known = agent?.projects.find((project) => project.name === name);
  if (known === undefined) return [];
  const { last, dueInMs } = known;
  const next =
    dueInMs === undefined ? "" : dueInMs === 0 ? "; at work" : `; next in ${showDuration(dueInMs)}`;
  const done = last === undefined ? "not looked at yet" : `${last.at}: ${last.summary}`;
  return [`  agent: ${done}${next}`, ...(last?.left ?? []).map((line) => `  agent leaves ${line}`)];
}

function projectBlock(
  project: ProjectStatus,
  agent: AgentStatus | undefined,
  style: Style,
): string {
  const { name, sync, health, hold, error, services, secrets, why } = project;
  const good = (word: string, fine: string): string =>
    word === fine ? style.green(word) : style.yellow(word);
  const head = `${style.bold(`Project ${name}`)}: ${good(sync, "synced")}, ${good(health, "healthy")}`;
  const lines = [
    `${head}   ${style.dim(project.workingDir)}`,
    ...(hold === undefined
      ? []
      : [
          style.yellow(
            `  held since ${hold.since} by ${hold.who}${hold.why === "" ? "" : `: ${hold.why}`}`,
          ),
        ]),
    ...(error === undefined
      ? why.map((reason) => `  ${reason}`)
      : [style.red(`  ${error.message}`)]),
    ...attempts(project),
    ...agentLines(name, agent),
    ...project.failed.map((attempt) => style.red(`  ${failure(attempt)}`)),
  ];
  const tables = [
    services.length === 0 ? undefined : serviceTable(services),
    project.providerServices && programTable(project.providerServices),
    secrets.length === 0 ? undefined : secretTable(secrets),
  ].flatMap((text) => (text === undefined ? [] : [indent(text)]));
  return [printableLines(lines), ...tables].join("\n\n");
}

function attempts({ lastApplied, lastAttempted }: ProjectStatus): readonly string[] {
  const tell = (entry: HistoryEntry): string =>
    `revision ${entry.revision} at ${entry.at}, ${entry.outcome}: ${entry.summary}`;
  return [
    ...(lastApplied === undefined ? [] : [`  last applied:   ${tell(lastApplied)}`]),
    ...(lastAttempted === undefined || lastAttempted.revision === lastApplied?.revision
      ? []
      : [`  last attempted: ${tell(lastAttempted)}`]),
  ];
}

function failure({ service, versions, at, tries, message }: FailedAttempt): string {
  const given = Object.entries(versions).map(([name, version]) => `${name} @${version}`);
  const tried = given.length === 0 ? service : `${service} with ${given.join(", ")}`;
  const often = tries === 1 ? "" : `, ${tries} times by now`;
  return `${tried} failed at ${at}${often}: ${message}\n  It is not tried again until something of it changes; dso apply does it once more.`;
}

function serviceTable(services: readonly ServiceStatus[]): string {
  const rows = services.map(({ name, desired, running, healthy, image }) =>
    [
      name,
      String(desired),
      String(running),
      healthy === undefined ? "-" : String(healthy),
      image,
    ].map(printable),
  );
  return table(["SERVICE", "DESIRED", "RUNNING", "HEALTHY", "IMAGE"], rows);
}

function programTable(programs: readonly ProgramStatus[]): string {
  const rows = programs.map(({ name, type, askedAt = "-" }) =>
    [name, type, askedAt].map(printable),
  );
  return table(["PROVIDER SERVICE", "PROGRAM", "LAST ASKED"], rows);
}

function secretTable(secrets: readonly SecretStatus[]): string {
  const rows = secrets.map(({ name, current, delivered }) => {
    const differs = delivered.some((version) => version !== current);
    const given = delivered.length === 0 ? "-" : delivered.join(", ");
    return [name, current ?? "?", given, differs ? "not yet everywhere" : ""].map(printable);
  });
  return table(["SECRET", "CURRENT", "DELIVERED", ""], rows);
}

function pendingBlock(pending: readonly Rotation[], at: string, style: Style): string {
  const lines = pending.map(({ project, service, number, step, status, startedAt }) => {
    const age = Math.max(0, Math.round((Date.parse(at) - Date.parse(startedAt)) / 1000));
    const word = status === "rollback_required" ? style.red(status) : style.yellow(status);
    return `  ${printable(`${project}: ${service}[${number}]`)} ${word} at ${step}, begun ${age}s ago`;
  });
  return [style.bold("Pending rotations"), ...lines].join("\n");
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}

/** Colours are ours, what stands between them may be anybody's. */
function printableLines(lines: readonly string[]): string {
  const split = /(\u001b\[\d+m)/;
  return lines
    .map((line) =>
      line
        .split(split)
        .map((part) => (split.test(part) ? part : printable(part)))
        .join(""),
    )
    .join("\n");
}

/** Keys stay as they are from release to release; new ones may come. */
export function statusJson(status: MachineStatus): object {
  const { version, at, engine, agent, projects, providers, rotations } = status;
  return {
    version,
    at,
    engine,
    agent: agent ?? null,
    providers: providersJson(providers),
    leases: status.leases.held,
    projects: projects.map((project) => ({
      name: project.name,
      workingDir: project.workingDir,
      sync: project.sync,
      health: project.health,
      why: project.why,
      error: project.error && { code: project.error.code, message: project.error.message },
      hold: project.hold ?? null,
      services: project.services,
      ...(project.providerServices && { providerServices: project.providerServices }),
      secrets: project.secrets,
      lastApplied: attemptJson(project.lastApplied),
      lastAttempted: attemptJson(project.lastAttempted),
      failed: project.failed.map(({ service, versions, at, tries, code, message }) => ({
        ...{ service, versions, at, tries, code, message },
      })),
    })),
    rotations: rotations.map(
      ({ id, project, service, number, status, step, startedAt, error }) => ({
        ...{ id, project, service, number, status, step, startedAt, error },
      }),
    ),
  };
}

function attemptJson(entry: HistoryEntry | undefined): object | null {
  if (entry === undefined) return null;
  const { revision, at, who, outcome, summary, reasons, versions } = entry;
  return { revision, at, who, outcome, summary, reasons, versions };
}
