/** A run that the agent does, with a person watching. */
import type { Controls } from "../agent/control.ts";
import { textOf } from "../agent/log.ts";
import { note, print, type Session } from "./session.ts";

/**
 * Shows what the agent says meanwhile, and what came of it; false where it went wrong. `again`: what
 * failed is tried once more.
 */
export async function askAgent(
  agent: Controls,
  session: Session,
  project: string,
  again: boolean,
): Promise<boolean> {
  const { outcome, summary, left } = await agent.reconcile(project, again, (record) => {
    if (record.level !== "debug") note(session, textOf(record));
  });
  for (const line of left) print(session, `${project}: left alone: ${line}`);
  if (outcome === "failed") return false;
  print(session, `${project}: ${summary}`);
  return true;
}
