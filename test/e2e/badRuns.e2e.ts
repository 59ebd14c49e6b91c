/**
 * What is wrong around the files, told to the real CLI: ports, images, memory, passphrases, locks
 * and saved plans. It ends with 1, says what and what to do, and leaves everything as it was.
 */
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startChild } from "../fixtures/child.ts";
import { createStanding, type Standing } from "./standing.ts";

let standing: Standing;

beforeAll(async () => {
  standing = await createStanding();
});

afterAll(() => standing[Symbol.asyncDispose]());

describe("the engine and what runs on it", () => {
  test("a port that a program of the host has", async () => {
    const port = standing.freePort;
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    try {
      await standing.change({ port });
      await standing.refused([
        /compose\.yaml:4:13/,
        new RegExp(`host port 127\\.0\\.0\\.1:${port}/tcp, which another program on this host has`),
        /Stop what has it, or publish another port/,
      ]);
    } finally {
      server.close();
    }
  });

  test("a port and a name that a container of others has", async () => {
    const { home, project, image, freePort: port } = standing;
    const other = `${project.name}-foreign`;
    const published = `127.0.0.1:${port}:8080`;
    await home.run("docker", ["run", "-d", "--name", other, "-p", published, image]);
    try {
      await standing.change({ port });
      await standing.refused([/compose\.yaml:4:13/, new RegExp(`which container ${other} has`)]);
      await standing.change({ service: `container_name: ${other}` });
      const name = new RegExp(`needs the container name ${other}, .*not made by Compose`);
      await standing.refused([/compose\.yaml:9:21/, name, /Remove or rename that container/]);
    } finally {
      await home.run("docker", ["rm", "-f", other]);
    }
  });

  test("an image that does not exist", async () => {
    const image = "127.0.0.1:9/dso-test/no-such-image:7";
    await standing.change({ image });
    await standing.refused([/compose\.yaml:3:12/, new RegExp(image), /registry/i]);
  });

  test("an engine that is not there", async () => {
    await standing.change();
    await standing.refused(
      [/No Docker engine at unix:\/\/\/nowhere\/docker\.sock/, /start the engine.*DOCKER_HOST/],
      "apply -auto-approve",
      { environment: { DOCKER_HOST: "unix:///nowhere/docker.sock" } },
    );
  });

  test("a new container that dies at once, beside one that runs", async () => {
    const lines = [
      "other:",
      `  image: ${standing.image}`,
      '  command: [sh, -c, "echo no configuration; exit 7"]',
    ];
    await standing.change({ rest: lines.join("\n") });
    const stdout = await standing.refused([
      /other-1 ended with 7/,
      /compose\.yaml:\d+:\d+/,
      /Its last lines are above/,
    ]);
    expect(stdout).toContain("container.other[1] | no configuration");
  });

  test("a program that the image does not have", async () => {
    const lines = ["other:", `  image: ${standing.image}`, '  command: ["/nonexistent"]'];
    await standing.change({ rest: lines.join("\n") });
    await standing.refused([
      /Service other: the image has no program "\/nonexistent"\n/,
      /compose\.yaml:\d+:\d+/,
      /`command` and `entrypoint`/,
    ]);
  });

  test("a dependency that never becomes healthy", async () => {
    const lines = [
      "app:",
      `  image: ${standing.image}`,
      "  depends_on: { other: { condition: service_healthy } }",
      "other:",
      `  image: ${standing.image}`,
      "  healthcheck: { test: [CMD-SHELL, 'echo no row; false'], interval: 1s, retries: 2 }",
    ];
    await standing.change({ rest: lines.join("\n") });
    const stdout = await standing.refused([
      /Service other, which others wait for, failed/,
      /did not become healthy: no row/,
      /compose\.yaml:\d+:\d+/,
      /(Its last lines are above|Its log is empty)\. Look at its healthcheck/,
    ]);
    expect(stdout).toContain("container.app[1]: Skipped");
  });
});

describe("this host", () => {
  test("a memory directory without room", async () => {
    const { home } = standing;
    const full = join(home.path, "full");
    await mkdir(full, { mode: 0o700 });
    const options = ["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", full];
    await home.run("mount", options);
    try {
      await standing.change({ environment: "A: new" });
      const words = [/No room for secret files below .*full/, /mount -o remount,size=/];
      const environment = { DSO_MEMORY_DIR: full };
      await standing.refused(words, "apply -auto-approve", { environment });
      expect(await readdir(full)).toEqual([]);
    } finally {
      await home.run("umount", [full]);
    }
  });

  test("a wrong passphrase, and none", async () => {
    const { home, project } = standing;
    const [DSO_HOME, right, wrong] = [
      join(home.path, "locked"),
      join(home.path, "right"),
      join(home.path, "wrong"),
    ];
    await writeFile(right, "correct horse\n", { mode: 0o600 });
    await writeFile(wrong, "battery staple\n", { mode: 0o600 });
    const environment = { DSO_HOME, DSO_VAULT_PASSPHRASE_FILE: right };
    await home.run("dso", ["init", "--passphrase"], { environment });
    await home.run("dso", ["secret", "set", "app/password"], { environment, input: "other" });
    await standing.change({ environment: "A: new" });
    await standing.refused([/passphrase does not open the vault.*locked\/vault\.enc/], undefined, {
      environment: { DSO_HOME, DSO_VAULT_PASSPHRASE_FILE: wrong },
    });
    const words = [/vault\.enc wants a passphrase/, /DSO_VAULT_PASSPHRASE_FILE/];
    await standing.refused(words, "plan", { environment: { DSO_HOME } });
    expect((await project.dso("plan", { environment })).stdout).toContain("will be replaced");
  });

  test("a lock that a living process has, and one of a process that died", async () => {
    const { home, project } = standing;
    const lock = join(home.environment["DSO_HOME"] ?? "", `locks/project-${project.name}.lock`);
    await standing.change({ environment: "A: new" });
    await using owner = startChild("hold-lock.ts", lock);
    await owner.line();
    const pid = String(owner.process.pid);
    const words = [new RegExp(`locked by process ${pid} `), /Wait for it to end.*force-unlock/];
    await standing.refused(words);
    await standing.refused(words, "apply -auto-approve -lock-timeout=1s");
    owner.process.kill("SIGKILL");
    await owner.ended();
    await standing.change();
    expect((await project.dso("apply -auto-approve")).stdout).toContain("No changes");
    expect(await readdir(join(lock, ".."))).toEqual([]);
  });
});

describe("saved plans", () => {
  async function save(): Promise<string> {
    await standing.change({ environment: "A: new" });
    await standing.project.dso("plan -out=saved.plan");
    return join(standing.project.dir, "saved.plan");
  }

  async function edit(change: (text: string) => string): Promise<void> {
    const path = await save();
    const text = await readFile(path, "utf8");
    expect(change(text)).not.toBe(text);
    await writeFile(path, change(text));
  }

  const refused = (...words: readonly RegExp[]): Promise<string> =>
    standing.refused(words, "apply saved.plan");

  test("the files changed since", async () => {
    await save();
    await standing.change({ environment: "A: newer" });
    await refused(/the compose files or their variables changed/, /Make a new one.*plan -out/);
  });

  test("a secret changed since", async () => {
    const { home, project } = standing;
    await standing.change({ environment: "A: dso://app/other" });
    await project.dso("plan -out=saved.plan");
    await home.run("dso", ["secret", "set", "--no-apply", "app/other"], { input: "newer" });
    await refused(/secret local:app\/other went from version 1 to 2/);
  });

  test("a container is new since", async () => {
    const { home, project, image } = standing;
    const name = `${project.name}-extra`;
    await save();
    const labels = [`project=${project.name}`, "service=web", "oneoff=False"].flatMap((label) => [
      "--label",
      `com.docker.compose.${label}`,
    ]);
    await home.run("docker", ["create", "--name", name, ...labels, image]);
    try {
      await refused(new RegExp(`container ${name} is new`));
    } finally {
      await home.run("docker", ["rm", name]);
    }
  });

  test("somebody edited it", async () => {
    await edit((text) => text.replace('"expectedDowntimeMs":', '"expectedDowntimeMs":9'));
    await refused(
      /saved\.plan does not say what dso plans now: it was edited/,
      /Make a new one.*plan -out/,
    );
    await edit((text) => text.replace(`"name":"web"`, `"name":"web/../../etc"`));
    await refused(/saved\.plan does not say what dso plans now: it was edited/);
  });

  test("it is too old, open to others, or no plan at all", async () => {
    await edit((text) => text.replace(/"createdAt":"[^"]*"/, '"createdAt":"2020-01-01T00:00:00Z"'));
    await refused(/made at 2020-01-01T00:00:00Z, and a plan is good for 24 hours/);
    const path = await save();
    await chmod(path, 0o644);
    await refused(/saved\.plan is open to others.*0644/, /chmod 600/);
    await chmod(path, 0o600);
    await writeFile(path, "hello");
    await refused(/saved\.plan is not a plan of dso/);
    await standing.refused([/There is no plan file .*nothing\.plan/], "apply nothing.plan");
  });
});
