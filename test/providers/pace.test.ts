import { expect, test } from "vitest";
import { createPace, type Pace } from "../../src/providers/pace.ts";
import { never } from "../reconciler/world.ts";

/** When each of so many requests may be sent that all come at once, ms. */
async function moments(pace: Pace, many: number, slept: () => number): Promise<readonly number[]> {
  const sent: number[] = [];
  for (let index = 0; index < many; index++) {
    await pace(never);
    sent.push(Math.round(slept()));
  }
  return sent;
}

test("after a quiet second so many go at once as may in one, and then they go evenly", async () => {
  let now = 5000;
  const sleep = (ms: number): Promise<void> => {
    now += ms;
    return Promise.resolve();
  };
  const pace = createPace(10, { elapsed: () => now, sleep });
  const sent = await moments(pace, 14, () => now - 5000);
  expect(sent).toEqual([...Array<number>(10).fill(0), 100, 200, 300, 400]);
  now += 500;
  expect(await moments(pace, 7, () => now - 5900)).toEqual([0, 0, 0, 0, 0, 100, 200]);
});

test("whoever has been told to stop sends nothing, and takes nobody's turn", async () => {
  const pace = createPace(1, { elapsed: () => 0, sleep: () => Promise.reject(new Error("late")) });
  const stopped = AbortSignal.abort(new Error("enough"));
  await expect(pace(stopped)).rejects.toThrow("enough");
  await pace(never);
});
