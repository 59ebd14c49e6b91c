import { expect, test } from "vitest";
import { removeLeftovers } from "../../src/apply/memory/leftovers.ts";
import { describeSelf } from "../../src/lib/lockRecord.ts";
import { COMPOSE, DSO } from "../../src/model/labels.ts";
import { createFakeEngine } from "../fakes/engine.ts";

const never = new AbortController().signal;

test("removes what a dead process had made to look at images and drivers, and nothing that may be needed", async () => {
  const engine = createFakeEngine();
  engine.addImage("app:1");
  const self = describeSelf("", "read /etc/passwd");
  const dead = { ...self, bootId: "an earlier boot" };
  const make = (name: string, label: string, labels = {}): Promise<string> =>
    engine.createContainer(
      name,
      {
        Image: "app:1",
        Env: [],
        Labels: { [DSO.throwaway]: label, ...labels },
        HostConfig: {},
        NetworkingConfig: { EndpointsConfig: {} },
      },
      {},
      never,
    );
  const elsewhere = { ...dead, hostname: "another machine" };
  const theirs = await make("elsewhere", JSON.stringify(elsewhere), { [COMPOSE.oneoff]: "True" });
  await engine.startContainer(theirs, never);
  await make("living", JSON.stringify(self));
  await make("somebody-elses", "true");
  await make("dead", JSON.stringify(dead));
  const started = await make("dead-but-started", JSON.stringify(dead));
  await engine.startContainer(started, never);
  const before = { [COMPOSE.oneoff]: "True" };
  const running = await make("dead-before-a-service", JSON.stringify(dead), before);
  await engine.startContainer(running, never);

  for (const [Name, owner] of Object.entries({ tried: dead, trying: self })) {
    await engine.createNetwork({ Name, Labels: { [DSO.throwaway]: JSON.stringify(owner) } }, never);
  }

  await removeLeftovers(engine, never);

  const left = await engine.listContainers({ label: DSO.throwaway }, never);
  expect(left.map(({ name }) => name)).toEqual([
    "dead-but-started",
    "elsewhere",
    "living",
    "somebody-elses",
  ]);
  const networks = (await engine.listNetworks(never)).map(({ name }) => name);
  expect(networks).toEqual(["bridge", "host", "none", "trying"]);
});
