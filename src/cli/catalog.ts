/** Every command, and where it is: a command is loaded when it is called, and not before. */
import { addComposeFlags } from "./composeFlags.ts";
import type { Entry } from "./entry.ts";

const up: Entry = {
  name: "up",
  summary: "Make what runs equal to the files, without a question unless data would be lost",
  load: () => import("./commands/up.ts"),
};
const down: Entry = {
  name: "down",
  summary: "Stop and remove the project; volumes stay unless -v is given",
  load: () => import("./commands/down.ts"),
};
const run: Entry = {
  name: "run",
  summary: "Run a one-off command in a new container of a service, with its secrets",
  passThrough: true,
  load: () => import("./commands/run.ts"),
};
const exec: Entry = {
  name: "exec",
  summary: "Run a command in a running container of a service",
  passThrough: true,
  load: () => import("./commands/exec.ts"),
};
const logs: Entry = {
  name: "logs",
  summary: "Show what the containers print, with the secrets taken out",
  load: () => import("./commands/logs.ts"),
};

const compose: readonly Entry[] = [
  up,
  down,
  run,
  exec,
  logs,
  {
    name: "config",
    summary: "Print the canonical model, references and all",
    aliases: ["convert"],
    load: () => import("./commands/config.ts"),
  },
];

const secret: readonly Entry[] = [
  {
    name: "set",
    summary: "Store a value and roll it out to the projects that use it",
    load: () => import("./commands/secret/set.ts"),
  },
  { name: "get", summary: "Print a value", load: () => import("./commands/secret/get.ts") },
  {
    name: "list",
    summary: "List the names",
    aliases: ["ls"],
    load: () => import("./commands/secret/list.ts"),
  },
  {
    name: "rm",
    summary: "Remove a secret; rollback brings it back, unless --destroy is given",
    aliases: ["remove"],
    load: () => import("./commands/secret/rm.ts"),
  },
  {
    name: "history",
    summary: "List the versions: when and by whom, never what",
    load: () => import("./commands/secret/history.ts"),
  },
  {
    name: "rollback",
    summary: "Make an earlier version the current one",
    load: () => import("./commands/secret/rollback.ts"),
  },
  {
    name: "import",
    summary: "Store every variable of a .env file",
    load: () => import("./commands/secret/import.ts"),
  },
  {
    name: "uses",
    summary: "List the services that use a secret",
    load: () => import("./commands/secret/uses.ts"),
  },
];

export const CATALOG: readonly Entry[] = [
  {
    name: "init",
    summary: "Create the local vault",
    load: () => import("./commands/init.ts"),
  },
  {
    name: "bootstrap",
    summary: "Prepare this machine",
    load: () => import("./commands/bootstrap.ts"),
  },
  { name: "secret", summary: "Work with the local vault", commands: secret },
  {
    name: "validate",
    summary:
      "Check dso.yaml, the compose files and the references, and whether their secrets are there; no engine is asked",
    load: () => import("./commands/validate.ts"),
  },
  {
    name: "plan",
    summary: "Show what apply would do",
    load: () => import("./commands/plan.ts"),
  },
  {
    name: "apply",
    summary: "Do it: what a plan shows, or a saved plan",
    load: () => import("./commands/apply.ts"),
  },
  { name: "show", summary: "Show a saved plan", load: () => import("./commands/show.ts") },
  {
    name: "drift",
    summary: "Show what was changed behind DSO's back; exit code 2 when there is some",
    load: () => import("./commands/drift.ts"),
  },
  up,
  down,
  run,
  exec,
  logs,
  {
    name: "compose",
    summary: "Docker Compose's commands; up, down, run, exec, logs and config are ours",
    commands: compose,
    declareFlags: addComposeFlags,
    otherwise: (name) => ({
      name,
      summary: "as docker compose has it",
      passThrough: true,
      load: () => import("./commands/composeOther.ts"),
    }),
  },
  {
    name: "agent",
    summary:
      "Look after all projects until stopped: edits and changed secrets roll out by themselves",
    load: () => import("./commands/agent.ts"),
  },
  {
    name: "reconcile",
    summary: "Ask the agent to look at a project now, and watch it",
    load: () => import("./commands/reconcile.ts"),
  },
  {
    name: "rollback",
    summary: "Go back to the model and versions before the last apply",
    load: () => import("./commands/rollback.ts"),
  },
  {
    name: "hold",
    summary: "Keep a project as it is until resume",
    load: () => import("./commands/hold.ts"),
  },
  { name: "resume", summary: "Lift a hold", load: () => import("./commands/resume.ts") },
  {
    name: "history",
    summary: "List what was applied, when, by whom and why",
    load: () => import("./commands/history.ts"),
  },
  {
    name: "status",
    summary: "Show how the projects stand",
    load: () => import("./commands/status.ts"),
  },
  {
    name: "force-unlock",
    summary: "Take a lock away from a process that hangs",
    load: () => import("./commands/forceUnlock.ts"),
  },
  { name: "version", summary: "Show the version", load: () => import("./commands/version.ts") },
  {
    name: "completion",
    summary: "Print a completion script for bash, zsh or fish",
    load: () => import("./commands/completion.ts"),
  },
];
