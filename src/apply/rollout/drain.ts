import type { ContainerDetail } from "../../model/observed.ts";
import type { RotationTools } from "../journal/rotation.ts";

/** So long a client may still come to where a name led a moment ago; measured, with room. */
export const FORGET_MS = 1500;
const POLL_MS = 100;

/**
 * Waits until nobody is connected to the container any more, at least until everybody has been led
 * elsewhere and at most `drainMs`, of which `leftMs` are over. Its own connections to others do not
 * count. Where this host cannot tell, all of the time is given.
 */
export async function drain(
  { clock, sockets }: Pick<RotationTools, "clock" | "sockets">,
  { pid }: Pick<ContainerDetail, "pid">,
  { drainMs, leftMs }: { readonly drainMs: number; readonly leftMs: number },
  signal: AbortSignal,
): Promise<void> {
  const until = clock.elapsed() + drainMs - leftMs;
  if (leftMs < FORGET_MS) await clock.sleep(FORGET_MS - leftMs, signal);
  while (clock.elapsed() < until && (await sockets.inbound(pid)) !== 0) {
    // To look takes its time, too.
    await clock.sleep(Math.max(0, Math.min(POLL_MS, until - clock.elapsed())), signal);
  }
}
