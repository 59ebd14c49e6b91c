import type { Command } from "commander";
import { setTimeout as sleep } from "node:timers/promises";
import { DsoError } from "../../model/errors.ts";
import { findAgent } from "../../agent/client.ts";
import type { Context } from "../../reconciler/context.ts";
import { halfDone } from "../../reconciler/halfDone.ts";
import { leaseStatus } from "../../reconciler/leaseStatus.ts";
import { providerStatus } from "../../reconciler/providerStatus.ts";
import { type ProjectStatus, projectStatus } from "../../reconciler/status.ts";
import { projectFlags } from "../flags.ts";
import { type MachineStatus, renderStatus, statusJson } from "../render/status.ts";
import { styleOf } from "../render/style.ts";
import { withContext } from "../request.ts";
import { print, type Session, whileWatched } from "../session.ts";

const EVERY_MS = 2000;

interface Flags {
  readonly watch?: boolean;
  readonly json?: boolean;
}

export function define(command: Command, session: Session): void {
  command
    .argument("[project...]", "only these")
    .option("--watch", "look again every two seconds")
    .option("--json", "as one JSON object; with --watch one per line")
    .option("-c, --config <file>", "dso.yaml to use")
    .option("--no-color", "plain text, as NO_COLOR does")
    .action((names: readonly string[], flags: Flags) =>
      withContext(session, command, async (context) => {
        const style = styleOf(session.output, session.environment, projectFlags(command).color);
        const clear =
          flags.watch === true && session.output.isTTY === true ? "\u001b[2J\u001b[H" : "";
        const signal = whileWatched(session);
        for (;;) {
          const status = await look(context, names, session.signal);
          const text =
            flags.json === true ? JSON.stringify(statusJson(status)) : renderStatus(status, style);
          print(session, `${clear}${text}`);
          if (flags.watch !== true) return;
          const ended = await sleep(EVERY_MS, false, { signal }).catch(() => true);
          if (ended) return;
        }
      }),
    );
}

async function look(
  context: Context,
  names: readonly string[],
  signal: AbortSignal,
): Promise<MachineStatus> {
  // One that hangs is waited for while the projects are looked at, not after that.
  const stores = providerStatus(context, signal);
  stores.catch(() => undefined);
  const registered = await context.state.projects();
  const unknown = names.find((name) => registered.every((project) => project.name !== name));
  if (unknown !== undefined) {
    throw new DsoError("usage", `Project ${unknown} was never applied by this user.`, {
      hint: "dso status without a name lists the projects.",
    });
  }
  const chosen = registered.filter(({ name }) => names.length === 0 || names.includes(name));
  const projects: ProjectStatus[] = [];
  for (const project of chosen) projects.push(await projectStatus(context, project, signal));
  const shown = chosen.map(({ name }) => name);
  // Also of what was never applied to its end: a killed run may have left it half done.
  const half = names.length === 0 ? await halfDone(context, new Set(shown), () => undefined) : [];
  const rotations = await Promise.all(
    [...shown, ...half].map((name) => context.journal.list(name)),
  );
  const agent = await findAgent(context.paths.agentSocket, signal);
  return {
    version: context.version,
    at: new Date(context.clock.now()).toISOString(),
    engine: await engineStatus(context, signal),
    agent: await agent?.status(),
    providers: await stores,
    leases: await leaseStatus(context),
    projects,
    rotations: rotations.flat(),
  };
}

async function engineStatus(
  { engine }: Context,
  signal: AbortSignal,
): Promise<MachineStatus["engine"]> {
  try {
    const { version, endpoint } = await engine.info(signal);
    return { reachable: true, version, endpoint };
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    return { reachable: false, error: error.message };
  }
}
