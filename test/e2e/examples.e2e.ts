/** Every example runs as it stands: the commands of its own head comment, then a changed secret. */
import { cp, mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHome, freePort, ROOT, type Home, type Project } from "./cli.ts";
import { ensureSealedImage } from "./sealedImages.ts";

const EXAMPLES = join(ROOT, "examples");

/** What the last command shows, and who is replaced when the secret changes. */
interface Expectation {
  readonly shows: RegExp;
  /** After the secret was changed to one of nine bytes. */
  readonly showsThen: RegExp;
  readonly containers: readonly string[];
  readonly replaced: readonly string[];
}

const EXPECTED: Readonly<Record<string, Expectation>> = {
  hello: {
    shows: /^hello from .*\nthe password has 6 bytes\n$/,
    showsThen: /^hello from .*\nthe password has 9 bytes\n$/,
    containers: ["web-1"],
    replaced: ["web-1"],
  },
  postgres: {
    shows: /^seen by docker exec: nothing\n$/,
    showsThen: /^seen by docker exec: nothing\n$/,
    containers: ["db-1"],
    replaced: ["db-1"],
  },
  replicas: {
    shows: /web-1 .*\(healthy\)[^]*web-2 .*\(healthy\)[^]*web-3 .*\(healthy\)/,
    showsThen: /web-1 .*\(healthy\)[^]*web-2 .*\(healthy\)[^]*web-3 .*\(healthy\)/,
    containers: ["web-1", "web-2", "web-3"],
    replaced: ["web-1", "web-2", "web-3"],
  },
  "several-files": {
    shows: /Apply complete! Resources: 1 added/,
    showsThen: /No changes/,
    containers: ["debug-1", "web-1"],
    replaced: ["web-1"],
  },
  "web-and-database": {
    shows: /visit number 1\n/,
    // The count lies in the volume, which outlives both containers.
    showsThen: /visit number 2\n/,
    containers: ["db-1", "web-1"],
    replaced: ["db-1", "web-1"],
  },
};

let home: Home;
let tools: string;
/** No registry is asked for the official one. */
let postgres: string;

beforeAll(async () => {
  home = await createHome();
  postgres = await ensureSealedImage("postgres");
  tools = join(home.path, "tools");
  await mkdir(tools);
  // A machine may have no wget; the one of the image is here for its building.
  await symlink("/bin/busybox", join(tools, "wget"));
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

it("has expectations for every folder, and none for another", async () => {
  const folders = await readdir(EXAMPLES, { withFileTypes: true });
  const names = folders.filter((one) => one.isDirectory()).map(({ name }) => name);
  const others = ["image", "plugin"];
  expect(names.filter((name) => !others.includes(name)).sort()).toEqual(
    Object.keys(EXPECTED).sort(),
  );
});

describe.each(Object.entries(EXPECTED))("example %s", (name, expected) => {
  let project: Project;
  let commands: readonly string[];
  let port: number;

  /** As a person types it, in the folder of the example. */
  async function type(command: string): Promise<string> {
    const line = command
      .replace("script/example-image", join(ROOT, "script/example-image"))
      .replace(":8080/", `:${port}/`);
    const PATH = `${tools}:${home.environment.PATH}`;
    const environment = { PORT: String(port), POSTGRES_IMAGE: postgres, PATH };
    const options = { cwd: project.dir, environment };
    return (await home.run("bash", ["-euc", "-o", "pipefail", line], options)).stdout;
  }

  const last = (): string => commands.at(-1) ?? "";

  beforeAll(async () => {
    port = await freePort();
    project = await home.project({}, name);
    await cp(join(EXAMPLES, name), project.dir, { recursive: true });
    commands = headCommands(await readFile(join(project.dir, "compose.yaml"), "utf8"));
  });

  it("does what its first lines say", async () => {
    expect(commands.length).toBeGreaterThan(2);
    let shown = "";
    for (const command of commands) shown = await type(command);
    expect(shown).toMatch(expected.shows);
  });

  it("has then what its files say, and Docker Compose agrees", async () => {
    const names = (await project.containers()).map((line) => line.split(" ")[0]);
    expect(names).toEqual(expected.containers.map((one) => `${project.name}-${one}`));
    await expectConverged(project, type);
  });

  it("follows its secret", async () => {
    const before = await project.containers();
    const set = commands.find((command) => command.includes("dso secret set")) ?? "";
    await type(set.replace("echo s3cret", "echo s3cret-s3"));
    const after = await project.containers();
    const replaced = after.filter((line) => !before.includes(line));
    expect(replaced.map((line) => line.split(" ")[0])).toEqual(
      expected.replaced.map((one) => `${project.name}-${one}`),
    );
    expect(await type(last())).toMatch(expected.showsThen);
    await expectConverged(project, type);
  });

  it("leaves nothing behind", async () => {
    await type("dso down -v");
    expect(await project.left()).toEqual([]);
    expect(await readdir(join(home.path, "memory"))).toEqual([]);
  });
});

/** The indented lines of the comment that a compose file begins with. */
function headCommands(text: string): readonly string[] {
  const head = text.split("\n").slice(
    0,
    text.split("\n").findIndex((line) => !line.startsWith("#")),
  );
  return head.flatMap((line) => /^# {5}(\S.*)$/.exec(line)?.[1] ?? []);
}

/** All run, our plan is empty, and Compose's own `up` finds nothing to do. */
async function expectConverged(
  project: Project,
  type: (command: string) => Promise<string>,
): Promise<void> {
  const format = "{{.Names}} {{.State}}";
  const filter = `label=com.docker.compose.project=${project.name}`;
  const shown = await type(`docker ps -a --filter ${filter} --format '${format}'`);
  for (const line of shown.trim().split("\n")) expect(line).toMatch(/ running$/);

  expect(await type("dso plan -detailed-exitcode")).toContain("No changes");
  const before = await project.containers();
  await type("docker compose up -d");
  expect(await project.containers()).toEqual(before);
}
