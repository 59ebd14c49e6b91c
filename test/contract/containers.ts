import { describe, expect, test } from "vitest";
import { eventually, never, type Scene } from "./setting.ts";

export function containerContract(stage: Scene): void {
  const { engine, make, run, hears, name, body } = stage;
  const images = () => stage.setting().images;

  describe("containers", () => {
    test("says which engine it is", async () => {
      const info = await engine().info(never);
      expect(info.id).not.toBe("");
      expect(info.apiVersion).toMatch(/^1\.\d+$/);
      expect(info.local).toBe(true);
    });

    test("lists what carries the project's label, by name", async () => {
      await make("b", images().base);
      await make("a", images().base);
      const { containers } = await engine().listProject(stage.setting().project, never);
      expect(containers.map((container) => container.name)).toEqual([name("a"), name("b")]);
      expect(containers[0]).toMatchObject({
        image: images().base,
        state: "created",
        health: undefined,
        exitCode: undefined,
        networkMode: "bridge",
        labels: { tier: "test" },
      });
    });

    test("shows a running container in full", async () => {
      const options = { env: ["A=1", "B=x=y"], host: { Binds: ["/tmp:/host:ro"] } };
      const id = await run("web", images().user, options);
      const detail = await engine().inspectContainer(name("web"), never);
      expect(detail).toMatchObject({
        id,
        name: name("web"),
        state: "running",
        config: { Image: images().user, User: "app" },
        hostConfig: { Binds: ["/tmp:/host:ro"] },
        mounts: [{ type: "bind", source: "/tmp", target: "/host", writable: false }],
        restartCount: 0,
        error: "",
      });
      expect(detail?.config.Env).toEqual(expect.arrayContaining(["A=1", "B=x=y"]));
      expect(detail?.pid).toBeGreaterThan(0);
      expect(detail?.networks[0]?.ipv4).toMatch(/^172\.17\./);
    });

    test("makes the same container again from what it showed", async () => {
      const options = {
        env: ["A=1"],
        host: { Binds: ["/tmp:/host"], ReadonlyRootfs: true, CapDrop: ["ALL"] },
      };
      const id = await make("web", images().volume, options);
      const detail = await engine().inspectContainer(id, never);
      const again = {
        ...detail!.config,
        HostConfig: detail!.hostConfig,
        NetworkingConfig: { EndpointsConfig: {} },
      };
      const twin = await engine().createContainer(name("twin"), again, {}, never);
      const shown = await engine().inspectContainer(twin, never);
      expect(shown?.config).toEqual(detail?.config);
      expect(shown?.hostConfig).toEqual(detail?.hostConfig);
      await engine().startContainer(twin, never);
    });

    test("answers undefined for what is not there", async () => {
      expect(await engine().inspectContainer(name("nobody"), never)).toBeUndefined();
      expect(await engine().inspectImage("dso-test/nothing:1", never)).toBeUndefined();
      expect(await engine().inspectNetwork(name("nobody"), never)).toBeUndefined();
      expect(await engine().inspectVolume(name("nobody"), never)).toBeUndefined();
    });

    test("refuses a name that is taken, and leaves its holder alone", async () => {
      const id = await run("web", images().base);
      await expect(make("web", images().base)).rejects.toMatchObject({
        code: "engine-conflict",
        message: expect.stringContaining(name("web")) as string,
      });
      expect((await engine().inspectContainer(id, never))?.state).toBe("running");
    });

    test("tells a missing image", async () => {
      await expect(make("web", "dso-test/nothing:1")).rejects.toMatchObject({
        code: "image-missing",
        message: expect.stringContaining("dso-test/nothing:1") as string,
      });
    });

    test("refuses to bind a path that is not there", async () => {
      const Mounts = [{ Type: "bind", Source: "/does/not/exist", Target: "/x" }] as const;
      const attempt = make("web", images().base, { host: { NetworkMode: "bridge", Mounts } });
      await expect(attempt).rejects.toMatchObject({
        code: "engine-refused",
        message: expect.stringContaining("/does/not/exist") as string,
      });
    });

    test("stops, and stops again; starts, and starts again", async () => {
      const id = await run("web", images().base);
      await hears(id);
      await engine().startContainer(id, never);
      await engine().stopContainer(id, undefined, never);
      await engine().stopContainer(id, 1, never);
      await engine().stopContainer(name("nobody"), 1, never);
      const { containers } = await engine().listProject(stage.setting().project, never);
      expect(containers[0]).toMatchObject({ state: "exited", exitCode: 0 });
      await engine().startContainer(id, never);
      expect((await engine().inspectContainer(id, never))?.state).toBe("running");
    });

    test("kills what does not hear SIGTERM after the grace period", async () => {
      const id = await run("web", images().stubborn);
      await engine().stopContainer(id, 0, never);
      expect(await engine().inspectContainer(id, never)).toMatchObject({
        state: "exited",
        exitCode: 137,
      });
    });

    test("sends a signal to a running container only", async () => {
      const id = await run("web", images().base);
      await hears(id);
      await engine().killContainer(id, "SIGTERM", never);
      expect(await engine().waitContainer(id, never)).toBe(0);
      await expect(engine().killContainer(id, "SIGTERM", never)).rejects.toMatchObject({
        code: "engine-refused",
      });
    });

    test("waits for the exit code and keeps the last words", async () => {
      const id = await run("job", images().exits);
      expect(await engine().waitContainer(id, never)).toBe(3);
      expect(await engine().logTail(id, 5, never)).toBe("bye\n");
      const { containers } = await engine().listProject(stage.setting().project, never);
      expect(containers[0]).toMatchObject({ state: "exited", exitCode: 3 });
    });

    test("removes what is stopped, a running one only by force, and a missing one gladly", async () => {
      const id = await run("web", images().base);
      await expect(
        engine().removeContainer(id, { force: false, volumes: true }, never),
      ).rejects.toMatchObject({ code: "engine-refused" });
      await engine().removeContainer(id, { force: true, volumes: true }, never);
      await engine().removeContainer(id, { force: true, volumes: true }, never);
      expect(await engine().inspectContainer(id, never)).toBeUndefined();
    });

    test("renames, unless the name is taken", async () => {
      const id = await run("web", images().base);
      await make("other", images().base);
      await engine().renameContainer(id, name("web-old"), never);
      expect((await engine().inspectContainer(id, never))?.name).toBe(name("web-old"));
      await expect(engine().renameContainer(id, name("other"), never)).rejects.toMatchObject({
        code: "engine-conflict",
      });
    });

    test("changes the restart policy of a running container", async () => {
      const policy = { Name: "always" } as const;
      const id = await run("web", images().base, {
        host: { NetworkMode: "bridge", RestartPolicy: policy },
      });
      await engine().updateRestartPolicy(id, { Name: "no" }, never);
      const detail = await engine().inspectContainer(id, never);
      expect(detail?.hostConfig.RestartPolicy?.Name).toBe("no");
    });

    test("tells health where there is a healthcheck", async () => {
      const id = await run("web", images().health);
      await eventually(async () => {
        expect((await engine().inspectContainer(id, never))?.health).toBe("healthy");
      });
      const { containers } = await engine().listProject(stage.setting().project, never);
      expect(containers[0]?.health).toBe("healthy");
    });

    test("names who has a published port", async () => {
      const HostPort = String(stage.setting().port);
      const PortBindings = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort }] };
      const host = { NetworkMode: "bridge", PortBindings };
      const exposed = ["80/tcp"];
      await run("first", images().base, { host, exposed });
      const second = await make("second", images().base, { host, exposed });
      await expect(engine().startContainer(second, never)).rejects.toMatchObject({
        code: "port-taken",
        message: expect.stringContaining(name("first")) as string,
      });
      const all = await engine().listContainers({ label: "tier=test" }, never);
      expect(all.find((container) => container.name === name("first"))?.publishedPorts).toEqual([
        { hostIp: "127.0.0.1", hostPort: stage.setting().port, protocol: "tcp" },
      ]);
      await engine().stopContainer(name("first"), 1, never);
      await engine().startContainer(second, never);
    });

    test("does nothing once the signal is aborted", async () => {
      const reason = new Error("enough");
      const gone = AbortSignal.abort(reason);
      const attempt = engine().createContainer(name("web"), body(images().base), {}, gone);
      await expect(attempt).rejects.toBe(reason);
      expect(await engine().inspectContainer(name("web"), never)).toBeUndefined();
    });
  });

  describe("images", () => {
    test("shows what a container would inherit", async () => {
      expect(await engine().inspectImage(images().volume, never)).toMatchObject({
        volumes: ["/data"],
        command: ["/bin/idle"],
        entrypoint: null,
        healthcheckIntervalMs: undefined,
        os: "linux",
      });
      expect((await engine().inspectImage(images().user, never))?.user).toBe("app");
      expect((await engine().inspectImage(images().health, never))?.healthcheckIntervalMs).toBe(
        1000,
      );
    });

    test("reads a file, through a link too, and leaves nothing behind", async () => {
      // A test of somebody who was killed may have left one.
      const before = await engine().listContainers({ label: "dso.throwaway" }, never);
      const passwd = await engine().readImageFile(images().base, "/etc/passwd", never);
      expect(passwd?.toString()).toContain("app:x:1000:1001:");
      const group = await engine().readImageFile(images().base, "/etc/group-link", never);
      expect(group?.toString()).toContain("app:x:1001:");
      expect(await engine().readImageFile(images().base, "/etc", never)).toBeUndefined();
      expect(await engine().readImageFile(images().base, "/etc/shadow", never)).toBeUndefined();
      expect(await engine().listContainers({ label: "dso.throwaway" }, never)).toEqual(before);
    });

    test("tells that a pull brought nothing", async () => {
      const reference = "dso-test.invalid/nothing:1";
      await expect(engine().pullImage(reference, {}, () => undefined, never)).rejects.toMatchObject(
        {
          code: expect.stringMatching(/^(image-missing|engine-refused)$/) as string,
          message: expect.stringContaining(reference) as string,
        },
      );
    });
  });
}
