import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DsoError } from "../../src/model/errors.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { never } from "../reconciler/world.ts";
import { type BaoNodes, startNodes } from "./baoNodes.ts";
import { values, version } from "./told.ts";

const A = { path: "a" };
/** A member of a cluster is watched before it counts, and a standby may lag for most of a minute. */
const PATIENCE_MS = 150_000;

/** What it says once it says anything but that error. */
async function settled(provider: SecretProvider, code: DsoError["code"]): Promise<unknown> {
  for (;;) {
    const said = await version(provider, A).catch((error: unknown) => error);
    if ((said as Partial<DsoError>).code !== code) return said;
    await sleep(100);
  }
}

describe("a server that asks for a client's certificate, and is killed", () => {
  let bao: BaoNodes;
  beforeAll(async () => {
    bao = await startNodes(1);
  });
  afterAll(() => bao[Symbol.asyncDispose]());

  it("lets nobody in who shows none, and that is said", async () => {
    const provider = bao.open(bao.nodes[0]!, false);
    const failed = await version(provider, A).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: "provider-unreachable",
      message: expect.stringMatching(/it asks for a certificate of ours$/) as string,
      hint: expect.stringContaining("client_cert") as string,
    });
    await provider.close();
  });

  it("is asked again once it is back, by the same login, and knows the same versions", async () => {
    const [node] = bao.nodes;
    const provider = bao.open(node!);
    expect(await bao.put(node!, "a", "one")).toBe(200);
    expect(await version(provider, A)).toBe("1");
    await node!.kill();
    await expect(provider.versions([A], never)).rejects.toMatchObject({
      code: "provider-unreachable",
      message: expect.stringContaining("nobody listens there") as string,
    });
    await node!.start();
    expect(await settled(provider, "provider-unreachable")).toBe("1");
    expect(await bao.put(node!, "a", "two")).toBe(200);
    expect(await version(provider, A)).toBe("2");
    expect(await values(provider, { path: "a", pinned: "1" })).toEqual({ value: "one" });
    await provider.close();
  });
});

describe("a cluster of three", () => {
  let bao: BaoNodes;
  beforeAll(async () => {
    bao = await startNodes(3);
  }, PATIENCE_MS);
  afterAll(() => bao[Symbol.asyncDispose]());

  it(
    "is asked through a standby, whose leader may fail: no secret is taken for missing",
    async () => {
      const [leader, standby, other] = bao.nodes;
      const provider = bao.open(standby!);
      expect(await bao.put(leader!, "a", "one")).toBe(200);
      expect(await settled(provider, "secret-missing")).toBe("1");
      await leader!.kill();
      const said = new Set<unknown>();
      const now = async (): Promise<unknown> => {
        const one = await version(provider, A).catch((error: unknown) => error);
        return typeof one === "string" ? one : (one as DsoError).code;
      };
      const writes = async (): Promise<boolean> => (await bao.put(other!, "a", "two")) === 200;
      while (!(await writes().catch(() => false))) {
        said.add(await now());
        await sleep(50);
      }
      // The standby may not have found the new leader yet.
      for (let one = await now(); one !== "2"; one = await now()) {
        said.add(one);
        await sleep(50);
      }
      expect([...said].filter((one) => one !== "1" && one !== "provider-unreachable")).toEqual([]);
      expect(await values(provider, { path: "a", pinned: "2" })).toEqual({ value: "two" });
      await provider.close();
    },
    PATIENCE_MS,
  );
});
