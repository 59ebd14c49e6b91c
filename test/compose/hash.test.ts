import { describe, expect, test } from "vitest";
import { networkHash, serviceHash, volumeHash } from "../../src/compose/output/hash.ts";
import type { ServiceModel } from "../../src/model/project.ts";

const nginx = { image: "nginx:alpine", networks: { default: null } };

describe("serviceHash", () => {
  test("of a container that Compose 2.16 made", () => {
    expect(serviceHash(nginx, "v2")).toBe(
      "bf6121f23746cbb8aa6e190dbdd370ed3928bc89066e458132ea9a62bcbc8edd",
    );
  });

  test("of Compose's own test of two networks", () => {
    const service = { networks: { b: { priority: 100 }, a: { priority: 10 } } };
    expect(serviceHash(service, "v5")).toMatch(/^8dbce408396f/);
  });

  test("leaves out what no container is made of", () => {
    const more: ServiceModel = {
      ...nginx,
      build: { context: "/x" },
      pull_policy: "always",
      scale: 3,
      profiles: ["p"],
      depends_on: { db: { condition: "service_started", required: true } },
      "x-dso": { strategy: "none" },
      privileged: false,
      environment: {},
    };
    expect(serviceHash(more, "v5")).toBe(serviceHash(nginx, "v5"));
    const deployed = (replicas: number) => serviceHash({ ...nginx, deploy: { replicas } }, "v5");
    expect(deployed(1)).toBe(deployed(7));
  });

  test("the dialects differ in the default of a bind mount only", () => {
    const bound = (create_host_path: boolean): ServiceModel => ({
      ...nginx,
      volumes: [{ type: "bind", source: "/a", target: "/b", bind: { create_host_path } }],
    });
    expect(serviceHash(nginx, "v2")).toBe(serviceHash(nginx, "v5"));
    const hashes = [true, false].flatMap((create) => [
      serviceHash(bound(create), "v2"),
      serviceHash(bound(create), "v5"),
    ]);
    expect(new Set(hashes).size).toBe(3);
    expect(hashes[1]).toBe(hashes[2]);
  });

  test("keys of maps are sorted by their bytes, numbers among them", () => {
    const of = (environment: Record<string, string>) =>
      serviceHash({ ...nginx, environment }, "v5");
    expect(of({ "10": "a", "9": "b", a: "c" })).toBe(of({ a: "c", "9": "b", "10": "a" }));
  });
});

test.each([
  // Taken from `docker-compose config --hash '*'` of 2.40.3.
  ["a limit of 0", { ulimits: { core: 0 } }, "3ffedfb84d08bfe1"],
  [
    "a named volume with an SELinux label",
    {
      volumes: [
        {
          ...{ type: "volume", source: "data", target: "/a", volume: {} },
          bind: { selinux: "z", create_host_path: true },
        },
      ],
    },
    "b9629bca2dcb599b",
  ],
])("serviceHash of %s, as 2.40.3 has it", (_what, fields, expected) => {
  const model = { command: null, entrypoint: null, image: "x", networks: { default: null } };
  expect(serviceHash({ ...model, ...fields }, "v2").slice(0, 16)).toBe(expected);
});

test("networkHash of ipam options, which are new in 5.0", () => {
  const network = { name: "n", ipam: { options: { a: "b" } } };
  expect(networkHash(network, "v2")).toBe(networkHash({ name: "n" }, "v2"));
  expect(networkHash(network, "v5")).not.toBe(networkHash({ name: "n" }, "v5"));
});

test("networkHash of a network that Compose 5.0.0 made", () => {
  expect(networkHash({ name: "composetest_default" }, "v5")).toMatch(/^e07bb132f0f22f78/);
});

test.each([
  ["docker_postgres_data", /^fc9c3243864dd27a/],
  ["rag-project_postgres_data", /^5dc3d628a7c7fc20/],
])("volumeHash of %s", (name, hash) => {
  expect(volumeHash({ name })).toMatch(hash);
});
