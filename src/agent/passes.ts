/** Passes of one session: begun by its queue, told to its log and to whoever watches. */
import { DsoError } from "../model/errors.ts";
import type { Cause } from "../reconciler/pace.ts";
import { pass, type Passed } from "../reconciler/pass.ts";
import { reconciledOf } from "./board.ts";
import { fault, type Log, recordOf } from "./log.ts";
import { checkConfig, trackNew, type Watch, watchSources } from "./watch.ts";

const PARALLELISM = 4;
/** So often in a row a pass stops short because its files are being edited. */
const POSTPONED = 2;

/** Rejects with a defect alone: it is told before. */
export async function run(watch: Watch, name: string, causes: ReadonlySet<Cause>): Promise<Passed> {
  const { context, board, log } = watch;
  const told = new Set<string>();
  const tell: Log = (record) => {
    told.add(record.msg);
    log(record);
    board.tell(name, record);
  };
  const at = (): string => new Date(context.clock.now()).toISOString();
  const begun = performance.now();
  try {
    const passed = await look(watch, name, causes, tell);
    await read(watch, name, passed);
    const isPostponed = passed.outcome === "busy" && passed.error === undefined;
    watch.postponed.set(name, isPostponed ? (watch.postponed.get(name) ?? 0) + 1 : 0);
    if (passed.outcome === "gone") await trackNew(watch);
    const ms = Math.round(performance.now() - begun);
    report(tell, told, { project: name, causes: [...causes], duration_ms: ms }, passed);
    board.note(name, { ...reconciledOf(passed), at: at() });
    return passed;
  } catch (error) {
    const summary = error instanceof Error ? (error.stack ?? error.message) : String(error);
    tell({ level: "error", msg: `A defect of DSO: ${summary}`, project: name, code: "internal" });
    board.note(name, { outcome: "failed", summary, code: "internal", left: [], at: at() });
    throw error;
  }
}

function look(watch: Watch, name: string, causes: ReadonlySet<Cause>, tell: Log): Promise<Passed> {
  const { context, engineId, signal, force, edits, postponed } = watch;
  const asked = causes.has("asked");
  // Whoever asks wants what is there now; and what is edited without an end is read all the same.
  const patient = !asked && !causes.has("urgent") && (postponed.get(name) ?? 0) < POSTPONED;
  const settings = {
    ...{ engineId, asked, fresh: asked || causes.has("urgent"), parallelism: PARALLELISM, force },
    watchEdits: () => {
      const before = edits.get(name);
      return () => {
        // The next session does it, by what dso.yaml says then.
        checkConfig(watch);
        return watch.rest !== undefined || (patient && edits.get(name) !== before);
      };
    },
    report: (event: Parameters<typeof recordOf>[1]) => {
      const record = recordOf(name, event);
      if (record !== undefined) tell(record);
    },
  };
  return pass(context, name, settings, signal);
}

/** Watches what the project was read from. What changed before the watch stood is looked at once more. */
async function read(watch: Watch, name: string, { outcome, trace }: Passed): Promise<void> {
  const before = watch.sources.get(name) ?? new Set();
  // A pass that ended early has not come to all of them.
  const partly = outcome === "failed" || outcome === "busy" || trace.files.size === 0;
  const files = partly ? new Set([...before, ...trace.files]) : trace.files;
  watch.sources.set(name, files);
  await watchSources(watch);
  if ([...files].some((file) => !before.has(file))) watch.queue.trigger(name, "files");
}

function report(
  tell: Log,
  told: ReadonlySet<string>,
  about: {
    readonly project: string;
    readonly causes: readonly Cause[];
    readonly duration_ms: number;
  },
  { outcome, summary, error, left }: Passed,
): void {
  const { project } = about;
  const quiet = { level: "debug", msg: `Looked: ${summary}` } as const;
  const done = { level: "info", msg: `Reconciled: ${summary}` } as const;
  const failed = error && fault(error);
  // What failed has said so itself.
  const again = failed && told.has(failed.msg) ? { msg: "Not reconciled", hint: undefined } : {};
  tell({ ...(failed ?? (outcome === "worked" ? done : quiet)), ...again, ...about });
  for (const { address, why, down } of left) {
    tell({ level: down ? "warn" : "debug", msg: `Left alone: ${why}`, project, address });
  }
}

/** Work that nobody waits for: what goes wrong with it ends the session, and the next one begins anew. */
export function inBackground(watch: Watch, work: Promise<unknown>): void {
  work.catch((error: unknown) => {
    const said = error instanceof Error ? error : new Error(String(error));
    const known = error instanceof DsoError ? error : new DsoError("internal", said.message);
    watch.log(fault(known));
    watch.end("engine-lost");
  });
}
