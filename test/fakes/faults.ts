import { DsoError } from "../../src/model/errors.ts";

/** What a run was refused with, one entry for each finding. */
export async function faultsOf(run: () => unknown): Promise<readonly DsoError[]> {
  try {
    await run();
  } catch (error) {
    if (error instanceof DsoError) return [error, ...error.others];
    throw error;
  }
  throw new Error("nothing was refused");
}

/** `code line:column message | hint`, without the file. */
export function tell({ code, message, position, hint }: DsoError): string {
  const place = position === undefined ? "nowhere" : `${position.line}:${position.column}`;
  return `${code} ${place} ${message} | ${hint ?? "no hint"}`;
}
