/** A running service whose network is changed to what the engine refuses, and to what it takes. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";

/** Two subnets of a random /16 of our own, and one across both. */
const HEAD = `10.${100 + ((randomBytes(1)[0] ?? 0) % 100)}.${(randomBytes(1)[0] ?? 0) & 0xf0}`;
const OTHERS = `${HEAD.replace(/\d+$/, (third) => String(Number(third) + 8))}.0/24`;
const SUBNET = `${HEAD}.0/24`;
const NEXT = `${HEAD.replace(/\d+$/, (third) => String(Number(third) + 1))}.0/24`;

let home: Home;
let project: Project;
let image: string;
let foreign: string;

beforeAll(async () => {
  image = await ensureTestImage("http");
  home = await createHome();
  project = await home.project({}, "network");
  foreign = `${project.name}-foreign`;
  await home.run("docker", ["network", "create", "--subnet", OTHERS, foreign]);
  await change(`ipam: { config: [{ subnet: ${SUBNET} }] }`);
  await project.dso("apply -auto-approve");
  await answers();
});

afterAll(async () => {
  await home.run("docker", ["network", "rm", foreign]);
  await home[Symbol.asyncDispose]();
});

/** Line 11 of the file is what the network is made of. */
function change(network: string): Promise<void> {
  const services = ["web", "client"].flatMap((name) => [
    `  ${name}:`,
    `    image: ${image}`,
    `    networks: { back: { aliases: [${name}-alias] } }`,
    '    healthcheck: { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/"], interval: 1s }',
  ]);
  const lines = ["services:", ...services, "networks:", "  back:", `    ${network}`.trimEnd()];
  return project.write("compose.yaml", [...lines, ""].join("\n"));
}

/** A static busybox asks no name server by itself: `nslookup` does it for `wget`. */
const ASK = String.raw`wget -q -O - "http://$(nslookup web-alias | sed -n 's/^Address: //p'):8080/"`;

async function answers(): Promise<void> {
  const client = `${project.name}-client-1`;
  const { stdout } = await home.run("docker", ["exec", client, "sh", "-c", ASK]);
  expect(stdout).toBe("ok\n");
}

async function shown(): Promise<string> {
  const format = "{{.Labels}} {{.Options}} {{.Driver}} {{range .IPAM.Config}}{{.Subnet}}{{end}}";
  const args = ["network", "inspect", "--format", format, `${project.name}_back`];
  return (await home.run("docker", args)).stdout;
}

async function expectAsBefore(): Promise<void> {
  await answers();
  await change(`ipam: { config: [{ subnet: ${SUBNET} }] }`);
  const { stdout } = await project.dso("plan -detailed-exitcode");
  expect(stdout).toContain("No changes");
}

test.each<[string, string, RegExp]>([
  [
    "the subnet of another network",
    `ipam: { config: [{ subnet: ${OTHERS} }] }`,
    /which overlaps .* of network network-.*-foreign/,
  ],
  [
    "a subnet that is none",
    "ipam: { config: [{ subnet: 10.300.0.0/24 }] }",
    /"10\.300\.0\.0\/24", which is no subnet/,
  ],
  [
    "a driver that is not there",
    "driver: no-such-driver",
    /cannot have the driver "no-such-driver"/,
  ],
])("%s is refused before anything is changed", async (_, network, words) => {
  const before = await project.containers();
  await change(network);
  const { stdout, stderr } = await project.dso("apply -auto-approve", { status: 1 });
  expect(stderr).toMatch(words);
  expect(stderr).toMatch(/compose\.yaml:12:\d+/);
  expect(stderr).toMatch(/Choose a subnet|Write an address|Use a driver/);
  expect(`${stdout}${stderr}`).not.toContain("Removing");
  expect(await project.containers()).toEqual(before);
  const names = await home.run("docker", ["network", "ls", "--format", "{{.Name}}"]);
  expect(names.stdout).not.toContain("dso-throwaway");
  await expectAsBefore();
});

test("what only the engine can refuse leaves the network as it was", async () => {
  const [containers, network] = [await project.containers(), await shown()];
  await change(
    `{ driver: macvlan, driver_opts: { parent: no-such-parent.x }, ipam: { config: [{ subnet: ${NEXT} }] } }`,
  );
  const { stderr } = await project.dso("apply -auto-approve", { status: 1 });
  expect(stderr).toMatch(/_back could not be made anew, and is as it was before/);
  expect(stderr).toMatch(/compose\.yaml:1[12]:\d+/);
  expect(stderr).toMatch(/Change networks\.back/);
  expect(await project.containers()).toEqual(containers);
  expect(await shown()).toBe(network);
  await expectAsBefore();
});

test("what the engine takes converges, and who is not replaced yet is put on it at once", async () => {
  const old = await project.containers();
  const { stdout: begun } = await home.run("date", ["+%s.%N"]);
  await change(`ipam: { config: [{ subnet: ${NEXT} }] }`);
  await project.dso("apply -auto-approve");
  for (const line of old) {
    const id = line.split(" ")[1] ?? "";
    expect(await happened(id, begun.trim())).toEqual(["connect", "die"]);
  }
  await answers();
  expect(await shown()).toContain(NEXT);
  const { stdout } = await project.dso("plan -detailed-exitcode");
  expect(stdout).toContain("No changes");
});

/** What became of a container since then, in order. That it is taken off is told twice by some engines. */
async function happened(id: string, since: string): Promise<readonly string[]> {
  const { stdout: now } = await home.run("date", ["+%s.%N"]);
  const wanted = ["connect", "die"].flatMap((one) => ["--filter", `event=${one}`]);
  const format = "{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.container}}";
  const args = ["--since", since, "--until", now.trim(), ...wanted, "--format", format];
  const { stdout } = await home.run("docker", ["events", ...args]);
  const lines = stdout.split("\n").filter((line) => line.includes(id));
  return lines.map((line) => line.split(" ")[0] ?? "");
}
