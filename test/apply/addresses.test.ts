import fc from "fast-check";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  allocate,
  createAddresses,
  REST_MS,
  type AddressRequest,
} from "../../src/apply/network/addresses.ts";
import {
  formatAddress,
  formatSubnet,
  lowerHalf,
  overlaps,
  parseAddress,
  parseSubnet,
  upperHalf,
  type Subnet,
} from "../../src/apply/network/cidr.ts";
import { parseRoutes } from "../../src/apply/network/network.ts";
import { chooseSubnet, ipamConfig, uniqueLocalSubnet } from "../../src/apply/network/subnets.ts";

const subnet = (text: string): Subnet => parseSubnet(text)!;

describe("subnets and addresses as numbers", () => {
  test.each([
    ["::", "::"],
    ["::1", "::1"],
    ["fd00::", "fd00::"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0db8::0001:0:0:1", "2001:db8::1:0:0:1"],
    ["fd12:3456:789a::8000:0:0:2", "fd12:3456:789a:0:8000::2"],
  ])("%s is written %s", (text, expected) => {
    expect(formatAddress(6, parseAddress(text)!.value)).toBe(expected);
  });

  test.each(["", "1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d", "1::2::3", "12345::", ":::"])(
    "%j is no address",
    (text) => {
      expect(parseAddress(text)).toBeUndefined();
    },
  );

  test("any address survives being written and read", () => {
    const anyAddress = fc.oneof(
      fc.tuple(fc.constant(4 as const), fc.bigInt(0n, 2n ** 32n - 1n)),
      fc.tuple(fc.constant(6 as const), fc.bigInt(0n, 2n ** 128n - 1n)),
      fc.tuple(
        fc.constant(6 as const),
        fc.bigInt(0n, 2n ** 20n).map((n) => n << 60n),
      ),
    );
    fc.assert(
      fc.property(anyAddress, ([family, value]) => {
        expect(parseAddress(formatAddress(family, value))).toEqual({ family, value });
      }),
    );
  });

  test("the halves of a subnet share nothing and lie within it", () => {
    const whole = subnet("172.30.4.0/24");
    expect(formatSubnet(lowerHalf(whole))).toBe("172.30.4.0/25");
    expect(formatSubnet(upperHalf(whole))).toBe("172.30.4.128/25");
    expect(overlaps(lowerHalf(whole), upperHalf(whole))).toBe(false);
    expect(overlaps(whole, upperHalf(whole))).toBe(true);
  });
});

describe("chooseSubnet", () => {
  test("never overlaps what is taken, whatever that is", () => {
    const anyTaken = fc.array(
      fc
        .tuple(
          fc.constantFrom("172.16.0.0", "172.24.0.0", "172.30.0.0", "192.168.0.0", "10.0.0.0"),
          fc.nat(2 ** 20),
          fc.integer({ min: 10, max: 30 }),
        )
        .map(([base, offset, prefix]) => {
          const first = parseAddress(base)!.value + BigInt(offset);
          return subnet(`${formatAddress(4, first)}/${prefix}`);
        }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(anyTaken, fc.integer({ min: 0, max: 300 }), (taken, endpoints) => {
        const chosen = chooseSubnet(endpoints, taken);
        if (chosen === undefined) return;
        expect(taken.filter((other) => overlaps(other, chosen))).toEqual([]);
        expect(2 ** (31 - chosen.prefix)).toBeGreaterThanOrEqual(Math.min(endpoints * 4, 32_768));
      }),
    );
  });

  test("a handful of endpoints get a /24 of the first pool, a crowd gets more", () => {
    expect(formatSubnet(chooseSubnet(3, [])!)).toBe("172.30.0.0/24");
    expect(formatSubnet(chooseSubnet(3, [subnet("172.30.0.0/23")])!)).toBe("172.30.2.0/24");
    expect(formatSubnet(chooseSubnet(200, [])!)).toBe("172.30.0.0/21");
    const all = ["172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8"].map(subnet);
    expect(chooseSubnet(3, all)).toBeUndefined();
  });

  test("the engine may hand out the lower half only", () => {
    expect(ipamConfig(subnet("172.30.2.0/24"))).toEqual({
      Subnet: "172.30.2.0/24",
      IPRange: "172.30.2.0/25",
    });
    expect(ipamConfig(uniqueLocalSubnet("0123456789"))).toEqual({
      Subnet: "fd01:2345:6789::/64",
      IPRange: "fd01:2345:6789::/65",
    });
  });

  test("routes of the host are read from the kernel's table, the default one aside", () => {
    const table = [
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU",
      "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0",
      "tun0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
    ].join("\n");
    expect(parseRoutes(table).map(formatSubnet)).toEqual(["192.168.0.0/16"]);
  });
});

describe("addresses", () => {
  let directory: string;
  let now: number;
  const clock = { now: () => now, elapsed: () => 0, sleep: () => Promise.resolve() };
  const request = (service: string, rotation: string, inUse: string[] = []): AddressRequest => ({
    network: "shop_default",
    subnet: subnet("172.30.0.0/28"),
    inUse: new Set(inUse),
    service,
    rotation,
  });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "dso-addresses-"));
    now = 1_000_000;
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  test("come from the upper half, without its last, and none twice", async () => {
    const addresses = createAddresses(directory, clock);
    const given = [];
    for (let count = 0; count < 8; count++) {
      given.push(await addresses.reserve("shop", request("web", String(count), ["172.30.0.9"])));
    }
    const expected = [8, 10, 11, 12, 13, 14].map((last) => `172.30.0.${last}`);
    expect(given).toEqual([...expected, undefined, undefined]);
    expect(statSync(join(directory, "addresses-shop.json")).mode & 0o777).toBe(0o600);
  });

  test("a clock that is set back does not keep one for longer than its rest", async () => {
    const addresses = createAddresses(directory, clock);
    const first = await addresses.reserve("shop", request("web", "r1"));
    await addresses.release("shop", "r1");
    now -= 500_000;
    const second = await addresses.reserve("shop", request("db", "r2"));
    expect(second).not.toBe(first);
    now += REST_MS;
    expect(await addresses.reserve("shop", request("db", "r3"))).toBe(first);
  });

  test("a released one goes back to its own service at once, to another after its rest", async () => {
    const addresses = createAddresses(directory, clock);
    const first = await addresses.reserve("shop", request("web", "r1"));
    await addresses.release("shop", "r1");
    expect(await addresses.reserve("shop", request("db", "r2"))).not.toBe(first);
    expect(await addresses.reserve("shop", request("web", "r3"))).toBe(first);
    await addresses.release("shop", "r3");
    now += REST_MS - 1;
    expect(await addresses.reserve("shop", request("cache", "r4"))).not.toBe(first);
    now += 1;
    expect(await addresses.reserve("shop", request("cache", "r5"))).toBe(first);
  });

  test("what belongs to no living rotation is released", async () => {
    const addresses = createAddresses(directory, clock);
    const [gone, kept] = [
      await addresses.reserve("shop", request("web", "gone")),
      await addresses.reserve("shop", request("web", "kept")),
    ];
    await addresses.keepOnly("shop", new Set(["kept"]));
    expect(await addresses.reserve("shop", request("web", "new"))).toBe(gone);
    expect(await addresses.reserve("shop", request("web", "newer"))).not.toBe(kept);
  });

  test("survive a restart; a damaged file is an error and never an empty one", async () => {
    const path = join(directory, "addresses-shop.json");
    const first = await createAddresses(directory, clock).reserve("shop", request("web", "r1"));
    const again = createAddresses(directory, clock);
    expect(await again.reserve("shop", request("web", "r2"))).not.toBe(first);
    for (const text of ["", "{", "{}", '[{"network":1}]']) {
      writeFileSync(path, text, { mode: 0o600 });
      await expect(again.reserve("shop", request("web", "r3"))).rejects.toMatchObject({
        code: "state-corrupt",
        message: expect.stringContaining(path) as string,
        hint: expect.stringContaining("addresses-shop.json.bak") as string,
      });
    }
  });

  test("no history gives an address to two, or to another service within its rest", async () => {
    const step = fc.record({
      service: fc.constantFrom("web", "db", "cache"),
      release: fc.boolean(),
      wait: fc.integer({ min: 0, max: REST_MS }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const fresh = mkdtempSync(join(directory, "run-"));
        const addresses = createAddresses(fresh, clock);
        const held = new Map<string, string>();
        const left = new Map<string, { service: string; at: number }>();
        for (const [index, { service, release, wait }] of steps.entries()) {
          now += wait;
          const rotation = `${service} ${index}`;
          const address = await addresses.reserve("shop", request(service, rotation));
          if (address === undefined) continue;
          expect([...held.values()]).not.toContain(address);
          const before = left.get(address);
          const rested = before === undefined || now - before.at >= REST_MS;
          expect(rested || before.service === service).toBe(true);
          held.set(rotation, address);
          if (!release) continue;
          held.delete(rotation);
          left.set(address, { service, at: now });
          await addresses.release("shop", rotation);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("another network's reservations do not count", () => {
    const other = {
      network: "other",
      address: "172.30.0.8",
      service: "x",
      rotation: "r",
      releasedAt: null,
    };
    expect(allocate(request("web", "r1"), [other])).toBe("172.30.0.8");
    expect(allocate(request("web", "r1"), [{ ...other, network: "shop_default" }])).toBe(
      "172.30.0.9",
    );
  });
});
