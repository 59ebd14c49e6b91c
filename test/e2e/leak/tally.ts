/** How much was looked for and at by all homes of one test file. */
interface Looked {
  readonly values: number;
  readonly places: number;
  readonly homes: number;
}

function createTally() {
  let sum: Looked = { values: 0, places: 0, homes: 0 };
  return {
    add({ values, places, homes }: Looked): void {
      sum = {
        values: sum.values + values,
        places: sum.places + places,
        homes: sum.homes + homes,
      };
    },
    get: (): Looked => sum,
  };
}

/** Of this file: each has modules of its own. */
export const tally = createTally();
