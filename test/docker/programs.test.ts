/** Compose's protocol for providers, with real programs. */
import { readFileSync } from "node:fs";
import { access, chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { scrubOnce } from "../../src/apply/scrub.ts";
import { createPrograms } from "../../src/docker/programs/programs.ts";
import type { ProgramCall, ProgramWitness } from "../../src/model/providerPrograms.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const never = new AbortController().signal;

interface Scene {
  readonly home: string;
  /** The program `cloud` of the PATH; `$1` is `compose`, `$3` the verb. */
  readonly program: (script: string, path?: string) => Promise<void>;
  readonly run: (
    more?: Partial<ProgramCall>,
    signal?: AbortSignal,
  ) => Promise<Readonly<Record<string, string>>>;
  readonly told: string[];
}

async function scene(
  work: (scene: Scene) => Promise<void>,
  more: {
    readonly silenceMs?: number;
    readonly environment?: Record<string, string>;
    readonly note?: ProgramWitness["note"];
  } = {},
): Promise<void> {
  await using directory = await temporaryDirectory();
  const home = directory.path;
  const told: string[] = [];
  const environment = {
    PATH: `relative:${join(home, "bin")}:${process.env["PATH"] ?? ""}`,
    ...{ OWN: "of the process", BOTH: "of the process", DSO_VAULT_KEY_FILE: "/key" },
    ...more.environment,
  };
  const { silenceMs, note = () => Promise.resolve() } = more;
  const options = { environment, home, scrub: scrubOnce, ...(silenceMs && { silenceMs }) };
  const programs = createPrograms(options);
  const call: ProgramCall = {
    ...{ project: "shop", service: "db", type: "cloud", options: {}, verb: "up" },
    ...{ environment: { BOTH: "of the project" }, workingDir: home },
  };
  await work({
    home,
    told,
    program: async (script, path = "bin/cloud") => {
      const file = join(home, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, `#!/bin/sh\n[ "$2" = metadata ] && exit 1\n${script}\n`);
      await chmod(file, 0o755);
    },
    run: async (changed, signal = never) => {
      const witness = { progress: (line: string) => void told.push(line), note };
      const given = await programs.run({ ...call, ...changed }, witness, signal);
      const entries = [...given].map(([name, value]) => [name, value.reveal().toString()] as const);
      return Object.fromEntries(entries);
    },
  });
}

const say = (type: string, message: string): string =>
  `echo '${JSON.stringify({ type, message })}'`;

test("it gives variables under the service's name in capitals, and raw ones as they are", () =>
  scene(async ({ program, run, told }) => {
    const lines = [say("info", "making it"), say("debug", "in detail")];
    lines.push(say("setenv", "URL=a=b"), say("rawsetenv", "TOKEN="));
    await program(lines.join("\n"));
    expect(await run()).toEqual({ DB_URL: "a=b", TOKEN: "" });
    expect(told).toEqual(["making it"]);
  }));

test("what it says in detail is told where somebody wants it", () =>
  scene(
    async ({ program, run, told }) => {
      await program(say("debug", "in detail"));
      await run();
      expect(told).toEqual(["in detail"]);
    },
    { environment: { DSO_LOG: "debug" } },
  ));

test("it gets its words, the project's environment, no input and the project's directory", () =>
  scene(async ({ home, program, run }) => {
    await program(`cat > input; printf '%s\\n' "$@" > words; env > env; pwd > where`);
    const options = { size: ["small"], tag: ["a b", "$(c)"] };
    expect(await run({ options, verb: "down" })).toEqual({});
    const text = (name: string): Promise<string> => readFile(join(home, name), "utf8");
    const words = ["compose", "--project-name=shop", "down"];
    words.push("--size=small", "--tag=a b", "--tag=$(c)", "db");
    expect((await text("words")).trim().split("\n")).toEqual(words);
    expect(await text("input")).toBe("");
    const env = await text("env");
    expect(env).toContain("OWN=of the process\n");
    expect(env).toContain("BOTH=of the project\n");
    expect(env).toContain("COMPOSE_PROJECT_NAME=shop\n");
    expect(env).not.toContain("DSO_VAULT_KEY_FILE");
    expect((await text("where")).trim()).toBe(home);
  }));

test("a plugin of Docker comes first, but only one that says that it is one", () =>
  scene(async ({ program, run }) => {
    const plugin = ".docker/cli-plugins/docker-cloud";
    await program(say("setenv", "BY=path"));
    await program(say("setenv", "BY=plugin"), plugin);
    expect(await run()).toEqual({ DB_BY: "path" });
    const told = JSON.stringify({ SchemaVersion: "0.1.0", Vendor: "x" });
    const isPlugin = `[ "$1" = docker-cli-plugin-metadata ] && { echo '${told}'; exit; }`;
    await program(`${isPlugin}\n${say("setenv", "BY=plugin")}`, plugin);
    expect(await run()).toEqual({ DB_BY: "plugin" });
  }));

test("where there is none it is told where it was looked for", () =>
  scene(async ({ home, run }) => {
    const failed = run({ type: "nowhere" });
    await expect(failed).rejects.toMatchObject({
      code: "program-missing",
      hint: expect.stringContaining(join(home, ".docker", "cli-plugins")) as string,
    });
    await expect(failed).rejects.toMatchObject({
      hint: expect.not.stringContaining("relative") as string,
    });
  }));

test("options are those that it declares", () =>
  scene(async ({ home, program, run }) => {
    const up = { parameters: [{ name: "size", required: true }, { name: "tag" }] };
    const down = { parameters: [{ name: "purge" }] };
    await program(`printf '%s\\n' "$@" > words`);
    const script = await readFile(join(home, "bin/cloud"), "utf8");
    const described = `[ "$2" = metadata ] && { echo '${JSON.stringify({ up, down })}'; exit; }`;
    await writeFile(join(home, "bin/cloud"), script.replace(/^\[.*$/m, described));
    await run({ options: { size: ["small"], purge: ["yes"] } });
    expect(await readFile(join(home, "words"), "utf8")).not.toContain("purge");
    const missing = { message: expect.stringContaining('wants the option "size"') as string };
    await expect(run({ options: {} })).rejects.toMatchObject(missing);
    const unknown = { hint: "It takes purge, size, tag." };
    await expect(run({ options: { size: ["1"], sise: ["2"] } })).rejects.toMatchObject(unknown);
  }));

test.each([
  [{}, "all"],
  [{ up: {}, down: { parameters: null }, stop: { parameters: [] } }, "all"],
  [{ up: { parameters: [] } }, "none"],
  [{ description: "makes clouds" }, "none"],
])("where it says %j of itself it takes %s, as with Compose", (described, takes) =>
  scene(async ({ home, program, run }) => {
    await program("");
    const told = `[ "$2" = metadata ] && { echo '${JSON.stringify(described)}'; exit; }`;
    await writeFile(join(home, "bin/cloud"), `#!/bin/sh\n${told}\nexit 0\n`);
    const asked = run({ options: { size: ["1"] } });
    if (takes === "all") expect(await asked).toEqual({});
    else await expect(asked).rejects.toMatchObject({ hint: "It takes none." });
  }),
);

test.each([
  ["several on a line", '{"type":"setenv","message":"A=1}"} {"type":"setenv","message":"B=\\"{"}'],
  [
    "one on several lines",
    '{"type":"setenv",\n"message":"A=1}"}{"message":"B=\\"{","type":"setenv"}',
  ],
])("messages are objects one after the other, as with Compose: %s", (_, text) =>
  scene(async ({ home, program, run }) => {
    await writeFile(join(home, "text"), text);
    await program(`cat "${join(home, "text")}"`);
    expect(await run()).toEqual({ DB_A: "1}", DB_B: '"{' });
  }),
);

test("it begins once its process is noted, which is over with it", () => {
  const noted: (number | undefined)[] = [];
  const began: boolean[] = [];
  let path = "";
  const note: ProgramWitness["note"] = async (process) => {
    noted.push(process?.pid);
    await sleep(30);
    began.push(await exists(path));
  };
  return scene(
    async ({ home, program, run }) => {
      path = join(home, "pid");
      await program(`echo $$ > pid`);
      await run();
      expect(noted).toEqual([Number(await readFile(path, "utf8")), undefined]);
      expect(began).toEqual([false, true]);
    },
    { note },
  );
});

test("where it cannot be noted it is not begun", () =>
  scene(
    async ({ home, program, run }) => {
      await program(`touch began`);
      await expect(run()).rejects.toThrow("no room");
      expect(await exists(join(home, "began"))).toBe(false);
    },
    { note: (process) => (process ? Promise.reject(new Error("no room")) : Promise.resolve()) },
  ));

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

test.each([
  ["no JSON", "echo hello", "no JSON"],
  ["a message without an end", `echo '{"type":"info"'`, "no JSON object"],
  ["text after a message", `${say("info", "a")}; echo x`, "no JSON object"],
  ["another type", say("secret", "a"), 'type "secret"'],
  ["a value for a type", say("URL=given-81", "a"), "a message of no type that there is"],
  ["no type", "echo '{}'", "without a type"],
  ["a variable without a value", say("setenv", "URL"), "not NAME=value"],
  ["an error, though it ends well", say("error", "no quota"), "says: no quota"],
  ["an exit code", "exit 3", "exit code 3"],
  ["too long a line", "head -c 1100000 /dev/zero | tr '\\0' x", "more than an answer"],
])("%s is a failure", (_, script, told) =>
  scene(async ({ program, run }) => {
    await program(script);
    await expect(run()).rejects.toMatchObject({
      code: "program-failed",
      message: expect.stringContaining(told) as string,
    });
  }),
);

test("its last words are kept, without what it gave", () =>
  scene(async ({ program, run }) => {
    const words = "echo 'refused: value-4711 is no password' >&2; exit 1";
    await program(`${say("rawsetenv", "PASSWORD=value-4711")}\n${words}`);
    const error = await run().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ hint: "Its last words: refused: [secret] is no password" });
    expect(JSON.stringify(error)).not.toContain("4711");
  }));

test("one that says nothing is ended, with what it has started", () =>
  scene(
    async ({ home, program, run }) => {
      await program(`sleep 60 & echo $! > child; wait`);
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const ended = expect(run()).rejects.toMatchObject({
        message: expect.stringContaining("said nothing") as string,
      });
      try {
        await childIn(home);
        vi.advanceTimersByTime(300);
      } finally {
        vi.useRealTimers();
      }
      await ended;
      const pid = await childIn(home);
      await expect.poll(() => isThere(pid)).toBe(false);
    },
    { silenceMs: 300 },
  ));

test("it ends with whoever asked", () =>
  scene(async ({ home, program, run }) => {
    const stop = new AbortController();
    await program(`trap '' TERM; sleep 60 & echo $! > child; wait; sleep 60`);
    const failed = run({}, stop.signal);
    const pid = await childIn(home);
    stop.abort(new Error("enough"));
    await expect(failed).rejects.toThrow("enough");
    await expect.poll(() => isThere(pid)).toBe(false);
  }));

test("what it leaves at work when it ends well goes on", () =>
  scene(async ({ home, program, run }) => {
    await program(`sleep 60 & echo $! > child; ${say("setenv", "A=b")}`);
    expect(await run()).toEqual({ DB_A: "b" });
    const pid = Number(await readFile(join(home, "child"), "utf8"));
    expect(isThere(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  }));

/** What the program has started and noted. */
async function childIn(home: string): Promise<number> {
  const read = (): Promise<string> => readFile(join(home, "child"), "utf8").catch(() => "");
  let pid = "";
  for (; pid === ""; pid = await read()) await setImmediate();
  return Number(pid);
}

/** One that has ended, and that nobody has looked after, is not. */
function isThere(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
