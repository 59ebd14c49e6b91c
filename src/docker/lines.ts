/** Yields the non-empty lines of a stream of text, of each no more than `longest` characters. */
export async function* lines(
  stream: AsyncIterable<Buffer>,
  longest = Number.POSITIVE_INFINITY,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const clipped = (text: string): string =>
    text.length > longest ? `${text.slice(0, longest)}…` : text.trimEnd();
  let rest = "";
  for await (const chunk of stream) {
    // Only what is new is searched: a line that does not end would be searched again and again.
    const [first = "", ...more] = decoder.decode(chunk, { stream: true }).split("\n");
    if (rest.length <= longest) rest += first;
    for (const part of more) {
      if (rest.trim() !== "") yield clipped(rest);
      rest = part;
    }
  }
  if (rest.trim() !== "") yield clipped(rest);
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
