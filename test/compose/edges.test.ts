/** Values at the edge of what their fields take: what Docker Compose 2.40.3 and 5.6 make of them. */
import { describe, expect, test } from "vitest";
import { openProject } from "../../src/compose/load.ts";
import { renderMerged, renderProject } from "../../src/compose/output/render.ts";
import type { Json } from "../../src/model/project.ts";
import { directory } from "./directory.ts";

const SHOWN = { show: { without: new Set<never>() } };

/** What is printed of the service that has these lines. */
async function printed(lines: string): Promise<Json | undefined> {
  await using files = await directory({ "compose.yaml": `services: {a: {image: x, ${lines}}}\n` });
  const model = renderProject(await files.load(SHOWN)) as { services: Record<string, Json> };
  return model.services.a;
}

test.each<[string, unknown]>([
  ["cpu_shares: 1.5", { cpu_shares: 1 }],
  ["cpus: '1_0.5'", { cpus: 10.5 }],
  ["cpus: '0x1p-1'", { cpus: 0.5 }],
  ["mem_limit: '1_000'", { mem_limit: "1000" }],
  ["attach: 'off'", { attach: false }],
  ["healthcheck: {retries: 1.9}", { healthcheck: { retries: 1 } }],
  ["build: {context: /c, dockerfile: ''}", { build: { context: "/c" } }],
  ["extra_hosts: {b: '1,2', c: ''}", { extra_hosts: ["b=1,2", "c="] }],
  ["extra_hosts: ['b=1,2', 'c=']", { extra_hosts: ["b=1", "b=2", "c="] }],
  ["storage_opt: {size: null}", { storage_opt: { size: "" } }],
  ["devices: [':/b', '/a:']", { devices: [{ target: "/b" }, { target: "/a" }] }],
  ["environment: {'A ': 1}", { environment: { "A ": "1" } }],
  [
    "deploy: {update_config: {max_failure_ratio: 0.123456789}}",
    { deploy: { update_config: { max_failure_ratio: 0.12345679 } } },
  ],
  [
    "develop: {watch: [{path: /a, action: rebuild, exec: {command: b, privileged: 'yes'}}]}",
    { develop: { watch: [{ exec: { privileged: true } }] } },
  ],
  ["ulimits: {core: 0, nofile: {soft: 0, hard: 0}}", { ulimits: { core: {}, nofile: {} } }],
  ["build: {context: /c, ulimits: {core: 0}}", { build: { ulimits: { core: {} } } }],
  ["volumes: [{type: bind, source: C:/d, target: /t}]", { volumes: [{ source: "C:/d" }] }],
  ["dns: ['', 1.1.1.1]", { dns: ["1.1.1.1"] }],
  [
    "volumes: ['a:b:/c']",
    { volumes: [{ source: expect.stringMatching(/\/shop\/a:b$/) as string }] },
  ],
])("%s", async (lines, wanted) => {
  expect(await printed(lines)).toMatchObject(wanted as object);
});

test.each(["mem_limit: 1.5", "shm_size: 1e3", "memswap_limit: 2.5"])(
  "a size that is no whole number is refused, not dropped: %s",
  async (lines) => {
    await expect(printed(lines)).rejects.toMatchObject({
      message: expect.stringMatching(
        /^services\.a\.\w+: \S+ is not a whole number of bytes$/,
      ) as string,
      position: { line: 1 },
    });
  },
);

test("a port is one port in its short and its long form, and another one as a number", async () => {
  const long = (published: string) => `{target: 80, published: ${published}, mode: host}`;
  expect(await printed(`ports: ["80:80", ${long('"80"')}]`)).toHaveProperty("ports.length", 1);
  expect(await printed(`ports: ["80:80", ${long("80")}]`)).toHaveProperty("ports.length", 2);
});

test.each([
  ["attach: '1'", "true or false"],
  ["blkio_config: {weight: '10'}", "whole number"],
  ["build: {additional_contexts: {b: 'service:b'}}", "which is not there"],
  ["build: {additional_contexts: [., 'a=b']}", "has no name"],
  ["command: a (b) c", "quote"],
  ["command: 2020-01-01", "expected text"],
  ["develop: {watch: [{path: a, action: sync}]}", "target is missing"],
  ["ulimits: {nofile: 1e3}", "whole number"],
  ["build: {context: ., ulimits: {nofile: 1.0}}", "whole number"],
  ["env_file: [{path: e, required: '1'}]", "true or false"],
  ["expose: [80.0]", "no port"],
  ["extra_hosts: [a]", "no address"],
  ["extra_hosts: {'a:b': '1'}", "no name of a host"],
  ["group_add: [1e3]", "expected text"],
  ["healthcheck: {retries: -1}", "0 or more"],
  ['labels: {a: "${U:-b\\nc}"}', "not a valid variable"],
  ["mem_limit: '1__0'", "not a size"],
  ["ports: ['0']", "no port"],
  ["ports: ['[fe80::1%eth0]:80:80']", "no IP address"],
  ["ports: [{target: 80, host_ip: ''}]", "no IP address"],
  ["ports: [{target: 80, published: 8e1}]", "expected text"],
  ["post_start: [{command: a, privileged: '1'}]", "true or false"],
  ["pre_start: [{command: a, nope: 1}]", 'unknown key "nope"'],
  ["secrets: [{source: s, mode: 4e2}]", "file mode"],
  ["storage_opt: {size: true}", "expected text"],
  ["tmpfs: ['/t:ro', '/t']", "something else is mounted at /t"],
  ["tmpfs: '/t:size=1m', volumes: ['/a:/t']", "something else is mounted at /t"],
  ["environment: {A: !reset}", "a space is missing"],
])("%s is refused", async (lines, why) => {
  await using files = await directory({
    "compose.yaml": `services: {a: {image: x, ${lines}}}\nsecrets: {s: {file: ./s}}\n`,
  });
  const fault = await files.fault(SHOWN);
  expect(fault.message).toContain(why);
  expect(fault.position?.line).toBe(1);
});

test.each([
  ["{triggers: {schedule: [{cron: a}, b]}}", undefined],
  ["{image: x}", "triggers is missing"],
  ["{triggers: {schedule: [{corn: a}]}}", "cron is missing"],
  ["{triggers: {never: 1}}", 'unknown key "never"'],
  ["{triggers: {schedule: [a]}, nope: 1}", 'unknown key "nope"'],
])("the job %s", async (job, why) => {
  await using files = await directory({
    "compose.yaml": `services: {a: {image: x}}\njobs: {j: ${job}}\n`,
  });
  if (why === undefined) await files.load(SHOWN);
  else expect((await files.fault(SHOWN)).message).toContain(why);
});

test("lists of two files have each item once, however its keys are ordered", async () => {
  const device = "{path: /dev/a, rate: 1}";
  await using files = await directory({
    "compose.yaml": `services: {a: {image: x, dns: [9.9.9.9], blkio_config: {device_read_bps: [${device}]}}}`,
    "b.yaml":
      "services: {a: {dns: [9.9.9.9, 1.1.1.1], blkio_config: {device_read_bps: [{rate: 1, path: /dev/a}]}}}",
  });
  const project = await files.load({ ...SHOWN, files: ["compose.yaml", "b.yaml"] });
  expect(project.services.get("a")).toMatchObject({
    dns: ["9.9.9.9", "1.1.1.1"],
    blkio_config: { device_read_bps: [{ Path: "/dev/a" }] },
  });
});

test("a further document begins with ---", async () => {
  await using files = await directory({ "compose.yaml": "services: {}\n...\nservices: {}\n" });
  expect(await files.fault()).toMatchObject({ position: { line: 3 } });
});

describe("a project that is shown", () => {
  const text = 'services: {a: {image: "${I:-x}", tty: "$T", ports: ["${P}:80"], volumes: [vv:/v]}}';
  const open = (root: string, without: "normalisation"[] = []) =>
    openProject(
      { cwd: root, env: {}, home: "/", show: { without: new Set(without) } },
      new AbortController().signal,
    );

  test("with its variables as they are written", async () => {
    await using files = await directory({ "compose.yaml": `${text}\nvolumes: {vv: , ww: }\n` });
    const opened = await open(files.root);
    expect(renderMerged(await opened.merged(), "json")).toEqual({
      name: "shop",
      services: {
        a: {
          image: "${I:-x}",
          tty: "$T",
          ports: ["${P}:80"],
          volumes: [{ type: "volume", source: "vv", target: "/v", volume: {} }],
          networks: { default: null },
        },
      },
      networks: { default: { name: "shop_default" } },
      volumes: { vv: { name: "shop_vv" }, ww: { name: "shop_ww" } },
    });
  });

  test("without what Compose adds", async () => {
    await using files = await directory({
      "compose.yaml": "services: {a: {image: x, volumes: [vv:/v]}}\nvolumes: {vv: }\n",
    });
    const opened = await open(files.root, ["normalisation"]);
    const model = renderProject(await opened.load());
    expect(model).toMatchObject({ volumes: { vv: {} } });
    expect(model).not.toHaveProperty("networks");
  });
});

test.each(["yes", "2", "tRue"])(
  "COMPOSE_DISABLE_ENV_FILE=%s is neither yes nor no",
  async (value) => {
    await using files = await directory({ "compose.yaml": "services: {a: {image: x}}" });
    const { message } = await files.fault({ env: { COMPOSE_DISABLE_ENV_FILE: value } });
    expect(message).toBe("COMPOSE_DISABLE_ENV_FILE is neither true nor false");
  },
);

test.each([
  ["${A:-./d}:/t", "${A:-./d}", "/t"],
  ["vol:${B:-/t}", "vol", "${B:-/t}"],
])("%s is split around its variables", async (volume, source, target) => {
  await using files = await directory({
    "compose.yaml": `services: {a: {image: x, volumes: ['${volume}']}}`,
  });
  const options = { cwd: files.root, env: {}, home: "/home/me" };
  const opened = await openProject(options, new AbortController().signal);
  expect(renderMerged(await opened.merged(), "json")).toMatchObject({
    services: { a: { volumes: [{ type: "volume", source, target }] } },
  });
});
