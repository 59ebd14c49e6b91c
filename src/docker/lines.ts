/** Yields the non-empty lines of a stream of text. */
export async function* lines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part.trim() !== "") yield part.trimEnd();
  }
  if (rest.trim() !== "") yield rest.trimEnd();
}

/** A signal that aborts once `alive` was not called for `milliseconds`. */
export function stalling(milliseconds: number): {
  readonly signal: AbortSignal;
  readonly alive: () => void;
  readonly stop: () => void;
} {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort();
  }, milliseconds);
  return {
    signal: controller.signal,
    alive: () => timer.refresh(),
    stop: () => {
      clearTimeout(timer);
    },
  };
}
