/** After each file of end-to-end tests: what its homes looked for when they went. */
import { afterAll } from "vitest";
import { tally } from "./tally.ts";

// Registered first, and so run last: when all homes have gone.
afterAll(() => {
  const { values, places, homes } = tally.get();
  if (homes === 0) return;
  process.stdout.write(
    `leak check: ${values} values looked for in ${places} places of ${homes} homes, the control found in each\n`,
  );
});
