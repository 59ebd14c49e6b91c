/** A disk that fills up while DSO writes its state: it says so, and the service goes on. */
import { statfsSync } from "node:fs";
import { cp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { type Trace, traceOf } from "./witness.ts";

/** Below those that the kernel gives to whoever wants any. */
const PORT = 20_000 + Math.floor(Math.random() * 12_000);

let home: Home;
let project: Project;
/** `$DSO_HOME`, a file system of 2 MiB. */
let directory: string;

beforeAll(async () => {
  home = await createHome();
  await home.setSecret("app/password", "first-value-1234");
  directory = home.environment["DSO_HOME"] ?? "";
  await cp(directory, `${directory}.before`, { recursive: true });
  const options = ["-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", directory];
  await home.run("mount", options);
  await cp(`${directory}.before`, directory, { recursive: true });
  project = await home.project({}, "full");
  await want(0);
  await project.dso("apply -auto-approve");
});

afterAll(async () => {
  await home.run("umount", [directory]);
  await home[Symbol.asyncDispose]();
});

async function want(version: number): Promise<void> {
  const image = await ensureTestImage("http");
  await project.write(
    "compose.yaml",
    `services:
  web:
    image: ${image}
    ports: ["127.0.0.1:${PORT}:8080"]
    environment: { VERSION: "${version}", PASSWORD_FILE: dsofile://app/password }
    x-dso: { health: { tcp: { port: 8080 } } }
`,
  );
}

const filler = (): string => join(directory, "filler");

async function leavePages(pages: number): Promise<void> {
  const { bavail, bsize } = statfsSync(directory);
  await writeFile(filler(), Buffer.alloc((bavail - pages) * bsize));
}

async function answer(): Promise<string> {
  return (await fetch(`http://127.0.0.1:${PORT}/cgi-bin/env?VERSION`)).text();
}

/** A rotation that could not be closed is left to the next run. */
const lasting = ({ left, containers, generations }: Trace): Partial<Trace> => ({
  left,
  containers,
  generations,
});

test.each([0, 1, 2, 3])("with %i pages left", async (pages) => {
  await want(1);
  const before = await traceOf(home, project);
  await leavePages(pages);
  try {
    const { stderr } = await project.dso("apply -auto-approve", { status: 1 });
    expect(stderr).toMatch(/No room to write .*\n[^]*Free some space/);
    expect(stderr).not.toContain("defect in DSO");
    expect(lasting(await traceOf(home, project))).toEqual(lasting(before));
    expect(await answer()).toBe("0\n");
  } finally {
    await rm(filler());
  }
});

test("with room again, one run does it", async () => {
  await project.dso("apply -auto-approve");
  expect(await answer()).toBe("1\n");
  const { left, generations, openRotations } = await traceOf(home, project);
  expect(left).toEqual([`container ${project.name}-web-1`, `network ${project.name}_default`]);
  expect(generations).toHaveLength(2);
  expect(openRotations).toEqual([]);
  await project.dso("plan -detailed-exitcode");
});

test("a secret that cannot be stored leaves the one before", async () => {
  await leavePages(0);
  const set = ["secret", "set", "--no-apply", "app/password"];
  const { stderr } = await home.run("dso", set, { input: "second-value", status: 1 });
  await rm(filler());
  expect(stderr).toMatch(/No room to write[^]*Free some space/);
  const { stdout } = await home.run("dso", ["secret", "get", "--reveal", "app/password"]);
  expect(stdout.trim()).toBe("first-value-1234");
});
