/** Fields that need more than to be copied: files, names of others, and what is no request at all. */
import { describe, expect, test } from "vitest";
import { bodyOf, web } from "./bodyOf.ts";

test.each([
  ["restart: 'always:3'", 'is "always:3", which has no number of attempts'],
  ["deploy: {restart_policy: {condition: any, max_attempts: 3}}", "no number of attempts"],
  ["healthcheck: {test: x, start_interval: 1s}", "means nothing without start_period"],
  [
    "mac_address: '02:42:ac:11:00:02', networks: {default: {mac_address: '02:42:ac:11:00:03'}}",
    'differs from that of its first network "default"',
  ],
  ["security_opt: [bogus]", 'has "bogus", which is no option with a value'],
])("%s is refused, not dropped", async (fields, message) => {
  await expect(bodyOf(web(fields), { apiVersion: "1.51" })).rejects.toThrow(message);
});

describe("a seccomp profile", () => {
  const fields = web("security_opt: ['seccomp=profiles/strict.json']");

  test("is sent as text, of a file that lies with the project", async () => {
    const { HostConfig } = await bodyOf(fields);
    expect(HostConfig["SecurityOpt"]).toEqual(['seccomp={"of":"/profiles/strict.json"}']);
  });

  test("keeps its numbers and what stands in its texts", async () => {
    const text = '{ "a b": 18446744073709551615,\n\t"c": "d \\" e" }';
    const { HostConfig } = await bodyOf(fields, { readFile: () => text });
    expect(HostConfig["SecurityOpt"]).toEqual([
      'seccomp={"a b":18446744073709551615,"c":"d \\" e"}',
    ]);
  });

  test.each([
    ["is no JSON", () => "{"],
    [
      "does not exist",
      () => {
        throw new Error("does not exist");
      },
    ],
  ])("that %s is told by its path", async (why, readFile) => {
    const error = await bodyOf(fields, { readFile }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "compose-invalid" });
    expect(String(error)).toContain(`names /profiles/strict.json, which ${why}`);
  });
});

test("a link is every container of its service, by three names, on every network", async () => {
  const compose = web(
    "links: ['db:store'], external_links: [other], networks: [a, b]",
    "networks: {a: , b: }",
  );
  const { HostConfig, NetworkingConfig } = await bodyOf(compose);
  const links = ["shop-db-1:store", "shop-db-1:db-2", "shop-db-1:shop-db-2", "other:other"];
  expect(HostConfig["Links"]).toEqual(links);
  const endpoints = Object.values(NetworkingConfig.EndpointsConfig);
  expect(endpoints.map(({ Links }) => Links)).toEqual([links, links]);
});

test("a service's MAC address is that of its first network", async () => {
  const fields = "mac_address: '02:42:ac:11:00:02', networks: {a: {priority: 2}, b: }";
  const { MacAddress, NetworkingConfig } = await bodyOf(web(fields, "networks: {a: , b: }"));
  expect(MacAddress).toBeUndefined();
  expect(NetworkingConfig.EndpointsConfig).toMatchObject({
    shop_a: { MacAddress: "02:42:ac:11:00:02" },
  });
});
