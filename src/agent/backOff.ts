const FIRST_MS = 1000;
export const LONGEST_MS = 30_000;

/** After so many failures in a row, never more than 30 s. `random`: from 0 to 1. */
export function pauseMs(failures: number, random: number): number {
  const ms = Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 10), LONGEST_MS);
  return Math.min(ms * (0.8 + 0.4 * random), LONGEST_MS);
}
