import { expect, test } from "vitest";
import { resolveConnection } from "../../src/docker/connection.ts";
import type { Client } from "../../src/docker/client.ts";
import { pulls } from "../../src/docker/pull.ts";
import { never } from "../contract/setting.ts";

test("what a registry said is remembered for the image that was here then, and for no other", async () => {
  let asked = 0;
  const answer = (): Promise<unknown> => Promise.resolve({ Descriptor: { digest: `d${++asked}` } });
  const client = { json: answer } as unknown as Client;
  const connection = await resolveConnection({ DOCKER_CONFIG: "/nowhere" });
  const { registryDigest } = pulls(client, connection);
  const ask = (...here: readonly string[]) => registryDigest("r.io/a:1", here, 60_000, never);
  expect(await ask("r.io/a@d1", "r.io/b@d1")).toBe("d1");
  expect(await ask("r.io/b@d1", "r.io/a@d1")).toBe("d1");
  // Somebody has pulled a newer one.
  expect(await ask("r.io/a@d2")).toBe("d2");
  expect(await ask("r.io/a@d2")).toBe("d2");
  expect(asked).toBe(2);
});
