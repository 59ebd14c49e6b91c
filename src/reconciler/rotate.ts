import type { Context } from "./context.ts";
import type { RegisteredProject } from "./state.ts";

/** The registered projects whose services use the secret (`provider:path`), sorted by name. */
export async function usersOf(
  context: Pick<Context, "state">,
  secret: string,
): Promise<readonly RegisteredProject[]> {
  const projects = await context.state.projects();
  return projects.filter(({ secrets }) => secrets.includes(secret));
}
