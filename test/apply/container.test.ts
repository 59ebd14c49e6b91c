import { describe, expect, test } from "vitest";
import { completeBody, inheritedVolumes } from "../../src/apply/container/body.ts";
import { resolveOwner } from "../../src/apply/container/owner.ts";
import { readAll, versionsOf } from "../../src/apply/memory/values.ts";
import { exposedEnvironment } from "../../src/apply/memory/variables.ts";
import type { Binding, DesiredService } from "../../src/model/desired.ts";
import type { CreateBody } from "../../src/model/engine.ts";
import type { ImageDetail } from "../../src/model/observed.ts";
import { parseReference } from "../../src/model/parseReference.ts";
import { valueName, type Reference } from "../../src/model/reference.ts";
import { Secret } from "../../src/model/secret.ts";
import { createFakeEngine } from "../fakes/engine.ts";
import { desiredOf, known, never, service } from "./fixture.ts";

describe("the owner of files", () => {
  const engine = createFakeEngine();
  engine.addImage("app", {
    files: {
      "/etc/passwd":
        "root:x:0:0::/:/bin/sh\nnginx:x:101:102::/:/bin/false\n1000:x:7:8::/:/bin/sh\n",
      "/etc/group": "root:x:0:\ndaemon:x:33:\n",
    },
  });
  engine.addImage("scratch");

  test.each([
    ["app", "", { uid: 0, gid: 0 }],
    ["app", "nginx", { uid: 101, gid: 102 }],
    ["app", "nginx:daemon", { uid: 101, gid: 33 }],
    ["app", "101", { uid: 101, gid: 102 }],
    ["app", "2000", { uid: 2000, gid: 0 }],
    ["app", "2000:3000", { uid: 2000, gid: 3000 }],
    ["scratch", "5:6", { uid: 5, gid: 6 }],
  ])("in %s, %j is %j", async (image, user, owner) => {
    expect(await resolveOwner(engine, image, user, never)).toEqual(owner);
  });

  test.each([
    ["nobody", /no user "nobody" in \/etc\/passwd/],
    ["nginx:wheel", /no group "wheel" in \/etc\/group/],
  ])("%s is unknown, and says what to write", async (user, message) => {
    await expect(resolveOwner(engine, "app", user, never)).rejects.toMatchObject({
      code: "compose-invalid",
      message: expect.stringMatching(message) as string,
    });
  });
});

describe("values", () => {
  const variable = (name: string, ...template: (string | Reference)[]): Binding => ({
    place: { kind: "environment", name },
    template,
    grade: "exposed",
    position: { file: "compose.yaml", line: 7, column: 5 },
  });
  const reference = (text: string) => parseReference(text, known);

  async function read(bindings: readonly Binding[], values: Record<string, Buffer>) {
    const asked: string[][] = [];
    const web = service("web", {}, { bindings });
    const found = await readAll(
      {
        hostVariables: {},
        answers: { value: () => undefined },
        readValues: (references) => {
          asked.push(references.map(({ text }) => text));
          return Promise.resolve(
            new Map(
              references.map((one) => {
                const bytes = values[one.pinned ?? ""] ?? values[valueName(one)];
                return [valueName(one), new Secret(Buffer.from(bytes ?? ""))];
              }),
            ),
          );
        },
      },
      desiredOf(web),
      [web],
      never,
    );
    return { asked, found, web };
  }

  test("each reference is asked for once, each pinned version by itself", async () => {
    const { asked, found, web } = await read(
      [
        variable("A", "x", reference("dso://db#password"), "y"),
        variable("B", reference("dso://db#password")),
        variable("C", reference("dso://db?version=3#password")),
      ],
      { "local:db#password": Buffer.from("new"), "3": Buffer.from("old") },
    );
    expect(asked).toEqual([["dso://db#password"], ["dso://db?version=3#password"]]);
    expect(exposedEnvironment(web, found)).toEqual({ A: "xnewy", B: "new", C: "old" });
    found.drop();
    expect(() => exposedEnvironment(web, found)).toThrow("dropped");
  });

  const largest = 128 * 1024 - "A=".length - 1;

  test.each([
    [Buffer.alloc(largest + 1, "x"), "secret-too-large"],
    [Buffer.from("a\0b"), "policy-refused"],
    [Buffer.from([0xff, 0xfe]), "policy-refused"],
  ])("what no variable can hold is refused with its place", async (bytes, code) => {
    const bindings = [variable("A", reference("dso://db#password"))];
    const { found, web } = await read(bindings, { "local:db#password": bytes });
    expect(() => exposedEnvironment(web, found)).toThrow(
      expect.objectContaining({
        code,
        hint: expect.stringContaining("dsofile://") as string,
        position: { file: "compose.yaml", line: 7, column: 5 },
      }) as Error,
    );
  });

  test("the longest that fits is taken", async () => {
    const bindings = [variable("A", reference("dso://db#password"))];
    const bytes = Buffer.alloc(largest, "x");
    const { found, web } = await read(bindings, { "local:db#password": bytes });
    expect(exposedEnvironment(web, found)["A"]).toHaveLength(largest);
  });

  test("versions are those of the snapshot, or pinned", () => {
    const bindings = [
      variable("D", reference("dso://named?version=before")),
      variable("A", reference("dso://db#password")),
      variable("B", reference("dso://other?version=3")),
      variable("C", reference("dso://unversioned")),
    ];
    const web: DesiredService = service("web", {}, { bindings });
    const { versions, ...desired } = desiredOf(web);
    const snapshot = new Map([...versions, ["local:named@before", "4"]]);
    expect(versionsOf(web, { ...desired, versions: snapshot })).toEqual({
      "local:db#password": "7",
      "local:named": "4",
      "local:other": "3",
    });
  });
});

describe("the body", () => {
  const body: CreateBody = {
    Image: "app",
    Env: ["A=dso://a", "B=2", "UNSET"],
    Labels: { a: "1" },
    HostConfig: {
      RestartPolicy: { Name: "always" },
      Mounts: [{ Type: "volume", Target: "/cache" }],
    },
    NetworkingConfig: {
      EndpointsConfig: { shop_default: { Aliases: ["web"] }, other: { Aliases: ["web"] } },
    },
  };

  test("gets values for references, mounts for anonymous volumes, addresses, labels, policy", () => {
    const complete = completeBody(body, {
      environment: { A: "value=with=equals", UNSET: null },
      hidden: new Set(["SEALED"]),
      labels: { "dso.version": "4" },
      mounts: [{ Type: "volume", Source: "abc", Target: "/cache" }],
      restartPolicy: { Name: "no" },
      addresses: new Map([["shop_default", { ipv4: "172.30.0.128" }]]),
    });
    expect(complete.Env).toEqual(["A=value=with=equals", "B=2", "UNSET"]);
    expect(complete.Labels).toEqual({ a: "1", "dso.version": "4" });
    expect(complete.HostConfig).toEqual({
      RestartPolicy: { Name: "no" },
      Mounts: [{ Type: "volume", Source: "abc", Target: "/cache" }],
    });
    expect(complete.NetworkingConfig.EndpointsConfig).toEqual({
      shop_default: { Aliases: ["web"], IPAMConfig: { IPv4Address: "172.30.0.128" } },
      other: { Aliases: ["web"] },
    });
  });

  test("inherits the anonymous volumes only", async () => {
    const engine = createFakeEngine();
    engine.addImage("app", { detail: { volumes: ["/image", "/named"] } });
    const volumes = [
      { type: "volume", source: "data", target: "/named" },
      { type: "volume", target: "/anonymous" },
      { type: "bind", source: "/srv", target: "/srv" },
    ];
    const old = await engine.createContainer(
      "web",
      {
        ...body,
        HostConfig: {
          Binds: ["shop_data:/named:rw", "/srv:/srv:rw"],
          Mounts: [{ Type: "volume", Target: "/anonymous", ReadOnly: true }],
        },
        NetworkingConfig: { EndpointsConfig: {} },
      },
      {},
      never,
    );
    const detail = (await engine.inspectContainer(old, never))!;
    const image: ImageDetail = (await engine.inspectImage("app", never))!;
    const inherited = inheritedVolumes(detail, { volumes }, image);
    expect(inherited.map(({ Target, ReadOnly }) => [Target, ReadOnly])).toEqual([
      ["/anonymous", true],
      ["/image", false],
    ]);
    expect(inherited.every(({ Source }) => /^[0-9a-f]{64}$/.test(Source ?? ""))).toBe(true);
    expect(inheritedVolumes(undefined, { volumes }, image)).toEqual([]);
    const tmpfs = ["/image:size=1m"];
    const beside = inheritedVolumes(detail, { volumes, tmpfs }, image);
    expect(beside.map(({ Target }) => Target)).toEqual(["/anonymous"]);
  });
});
