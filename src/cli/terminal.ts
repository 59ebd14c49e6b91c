import type { Streams } from "../model/ports.ts";
import type { Session } from "./session.ts";

/**
 * Ties this terminal to a program in a container for the time of `work`. With a
 * terminal of its own every key goes to the program, Ctrl-C too.
 */
export async function withTerminal<T>(
  { input, output, error }: Session,
  { tty, stdin }: { readonly tty: boolean; readonly stdin: boolean },
  work: (streams: Streams) => Promise<T>,
): Promise<T> {
  const listeners: (() => void)[] = [];
  const raw = tty && stdin && input.setRawMode !== undefined;
  if (raw) input.setRawMode?.(true);
  try {
    return await work({
      ...(stdin ? { input } : {}),
      output: (data) => void output.write(data),
      error: (data) => void error.write(data),
      tty,
      onResize: (resize) => {
        const tell = (): void => resize(output.columns ?? 80, output.rows ?? 24);
        tell();
        output.on?.("resize", tell);
        listeners.push(tell);
      },
    });
  } finally {
    for (const tell of listeners) output.off?.("resize", tell);
    if (raw) input.setRawMode?.(false);
    input.pause();
  }
}
