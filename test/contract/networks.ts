import { describe, expect, test } from "vitest";
import { never, type Scene } from "./setting.ts";

export function networkContract(stage: Scene): void {
  const { engine, make, run, name, network } = stage;
  const images = () => stage.setting().images;
  const address = (last: number) => `${stage.setting().subnet}.${last}`;

  describe("networks", () => {
    test("shows its subnet, and whom it connects", async () => {
      const id = await network("net");
      const networks = { [name("net")]: { Aliases: ["web"] } };
      const container = await run("web", images().base, {
        host: { NetworkMode: name("net") },
        networks,
      });
      const subnet = `${stage.setting().subnet}.0/24`;
      const shown = await engine().inspectNetwork(name("net"), never);
      expect(shown).toMatchObject({ id, name: name("net"), driver: "bridge", internal: false });
      expect(shown?.subnets[0]).toMatchObject({
        subnet,
        ipRange: `${stage.setting().subnet}.0/25`,
      });
      const ipv4 = shown?.endpoints[0]?.ipv4;
      expect(shown?.endpoints).toEqual([{ containerId: container, ipv4, ipv6: undefined }]);
      expect(await engine().inspectContainer(container, never)).toMatchObject({
        networks: [{ network: name("net"), networkId: id, ipv4, aliases: ["web"] }],
      });
      const { networks: listed } = await engine().listProject(stage.setting().project, never);
      expect(listed.map((item) => item.name)).toEqual([name("net")]);
      const everything = await engine().listNetworks(never);
      expect(everything.map((item) => item.name)).toEqual(
        expect.arrayContaining(["bridge", name("net")]),
      );
    });

    test("refuses a second network of one name, and one in the same addresses", async () => {
      await network("net");
      await expect(network("net", "10.214.250")).rejects.toMatchObject({ code: "engine-conflict" });
      await expect(network("other")).rejects.toMatchObject({ code: "engine-conflict" });
    });

    test("creates a container with several endpoints", async () => {
      await network("a");
      await network("b", "10.214.251");
      const networks = { [name("a")]: { Aliases: ["one"] }, [name("b")]: { Aliases: ["two"] } };
      const id = await make("web", images().base, { host: { NetworkMode: name("b") }, networks });
      await engine().startContainer(id, never);
      const detail = await engine().inspectContainer(id, never);
      expect(detail?.networkMode).toBe(name("b"));
      expect(detail?.networks.map(({ network: at, aliases }) => [at, aliases])).toEqual([
        [name("a"), ["one"]],
        [name("b"), ["two"]],
      ]);
    });

    test("leaves no half-connected container when one of its networks is missing", async () => {
      await network("a");
      const networks = { [name("a")]: {}, [name("nowhere")]: {} };
      const attempt = run("web", images().base, { host: { NetworkMode: name("a") }, networks });
      await expect(attempt).rejects.toMatchObject({
        message: expect.stringContaining(name("nowhere")) as string,
      });
      expect((await engine().inspectContainer(name("web"), never))?.state).not.toBe("running");
    });

    test("takes a container off and puts it back with its address", async () => {
      await network("net");
      const host = { NetworkMode: name("net") };
      const id = await run("web", images().base, { host, networks: { [name("net")]: {} } });
      await engine().disconnectNetwork(name("net"), id, never);
      await engine().disconnectNetwork(name("net"), id, never);
      await engine().disconnectNetwork(name("net"), name("nobody"), never);
      await engine().disconnectNetwork(name("nowhere"), id, never);
      expect((await engine().inspectContainer(id, never))?.networks).toEqual([]);
      const endpoint = { Aliases: ["web"], IPAMConfig: { IPv4Address: address(200) } };
      await engine().connectNetwork(name("net"), id, endpoint, never);
      expect((await engine().inspectContainer(id, never))?.networks).toMatchObject([
        { network: name("net"), ipv4: address(200), aliases: ["web"] },
      ]);
      await expect(engine().connectNetwork(name("net"), id, {}, never)).rejects.toMatchObject({
        code: "engine-conflict",
      });
    });

    test("makes a network again from what it shows of it", async () => {
      const id = await network("net");
      const before = await engine().inspectNetwork(id, never);
      if (before === undefined) throw new Error("the network is not shown");
      await engine().removeNetwork(id, never);
      const again = await engine().createNetwork(before.body, never);
      expect(await engine().inspectNetwork(again, never)).toEqual({ ...before, id: again });
    });

    test("refuses an address that another container has", async () => {
      await network("net");
      const host = { NetworkMode: name("net") };
      const networks = { [name("net")]: { IPAMConfig: { IPv4Address: address(201) } } };
      await run("first", images().base, { host, networks });
      await expect(run("second", images().base, { host, networks })).rejects.toMatchObject({
        code: "engine-conflict",
      });
    });

    test("keeps a network that is in use, and lets go of a missing one", async () => {
      const id = await network("net");
      const host = { NetworkMode: name("net") };
      const container = await run("web", images().base, { host, networks: { [name("net")]: {} } });
      await expect(engine().removeNetwork(id, never)).rejects.toMatchObject({
        code: "engine-refused",
      });
      await engine().removeContainer(container, { force: true, volumes: false }, never);
      await engine().removeNetwork(id, never);
      await engine().removeNetwork(id, never);
      expect(await engine().inspectNetwork(id, never)).toBeUndefined();
    });
  });

  describe("volumes", () => {
    const volume = (part: string) =>
      engine().createVolume(
        { Name: name(part), Labels: { "com.docker.compose.project": stage.setting().project } },
        never,
      );

    test("lists, keeps what is in use, and lets go of a missing one", async () => {
      await volume("data");
      await volume("data");
      const { volumes } = await engine().listProject(stage.setting().project, never);
      expect(volumes).toMatchObject([{ name: name("data"), driver: "local" }]);
      const Binds = [`${name("data")}:/data`];
      const id = await make("web", images().base, { host: { NetworkMode: "bridge", Binds } });
      expect((await engine().inspectContainer(id, never))?.mounts).toMatchObject([
        { type: "volume", name: name("data"), target: "/data", writable: true },
      ]);
      await expect(engine().removeVolume(name("data"), never)).rejects.toMatchObject({
        code: "engine-conflict",
      });
      await engine().removeContainer(id, { force: true, volumes: true }, never);
      expect(await engine().inspectVolume(name("data"), never)).toMatchObject({
        name: name("data"),
      });
      await engine().removeVolume(name("data"), never);
      await engine().removeVolume(name("data"), never);
    });

    test("removes anonymous volumes only when told to", async () => {
      const volumeOf = async (id: string) =>
        (await engine().inspectContainer(id, never))?.mounts[0]?.name ?? "";
      const first = await make("first", images().volume);
      const kept = await volumeOf(first);
      await engine().removeContainer(first, { force: false, volumes: false }, never);
      expect(await engine().inspectVolume(kept, never)).toMatchObject({ name: kept });
      await engine().removeVolume(kept, never);
      const second = await make("second", images().volume);
      const gone = await volumeOf(second);
      const Mounts = [{ Type: "volume" as const, Source: gone, Target: "/data" }];
      const heir = await make("heir", images().volume, { host: { Mounts } });
      await engine().removeContainer(heir, { force: false, volumes: true }, never);
      expect(await engine().inspectVolume(gone, never)).toMatchObject({ name: gone });
      await engine().removeContainer(second, { force: false, volumes: true }, never);
      expect(await engine().inspectVolume(gone, never)).toBeUndefined();
    });
  });
}
