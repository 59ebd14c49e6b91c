/** The static program that brings sealed variables: what its user, and what an attacker, may meet. */
import { execFileSync } from "node:child_process";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CANARY, type Around, type Ended, entries, listOf, mergedPlainly } from "./shimRun.ts";
import { NATIVE, openWorkshop, run, SHIMS, type Workshop } from "./shimRun.ts";

/** The kernel's limit for one variable, with its name, `=` and the final NUL. */
const LONGEST = 131_072;
const NOBODY = 65_534;
const ENVIRON = ["/bin/cat", "/proc/self/environ"];
const SEED = Number(process.env["DSO_SHIM_SEED"] ?? 1);

let shop: Workshop;
let variables: string;
let programs: string;

beforeAll(async () => {
  shop = await openWorkshop();
  variables = await shop.file("variables", entries({ SECRET: CANARY, OTHER: "two" }));
  programs = join(shop.directory, "programs");
  const script = '#!/bin/sh\necho "$SECRET"\n';
  for (const name of ["good", "closed", "folder"])
    await mkdir(join(programs, name), { recursive: true });
  await mkdir(join(programs, "folder/tool"));
  await shop.file("programs/good/tool", script, 0o755);
  await shop.file("programs/closed/tool", script, 0o644);
  await shop.file("programs/lost", "#!/nowhere/interpreter\n", 0o755);
  await shop.file("programs/text", "no program\n", 0o755);
  await symlink("circle", join(programs, "circle"));
});

afterAll(() => shop[Symbol.asyncDispose]());

/** One line, with the code, and nothing of a value. */
function expectRefusal(
  { code, signal, stdout, stderr }: Ended,
  expected: number,
  why: string,
): void {
  expect({ code, signal, stdout: stdout.toString() }).toEqual({
    code: expected,
    signal: null,
    stdout: "",
  });
  expect(stderr).toMatch(/^dso: cannot (read|run) [ -~]*\n$/);
  expect(stderr).toContain(why);
  expect(stderr).not.toContain(CANARY);
}

describe.each(SHIMS)("for %s", (architecture) => {
  const shim = (args: readonly string[], around?: Around): Promise<Ended> =>
    run([...shop.command(architecture), ...args], around);
  const environment = async (
    content: Buffer,
    env?: Record<string, string>,
  ): Promise<readonly string[]> => {
    const file = await shop.file(`file-${architecture}`, content);
    const { code, stdout, stderr } = await shim(
      [file, ...ENVIRON],
      env === undefined ? {} : { env },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return [...listOf(stdout)].sort();
  };

  test("adds variables to the container's, and replaces those of the same name", async () => {
    const own = { KEPT: "1", KEPT_TOO: "", REPLACED: "old", REPLACE: "x" };
    const file = entries({
      REPLACED: "new",
      EMPTY: "",
      "a.b-c": "dots",
      "line\nbreak": "y",
      É: "é",
    });
    expect(
      await environment(Buffer.concat([file, entries({ REPLACED: "newest=1" })]), own),
    ).toEqual(
      [
        "EMPTY=",
        "KEPT=1",
        "KEPT_TOO=",
        "REPLACED=newest=1",
        "REPLACE=x",
        "a.b-c=dots",
        "line\nbreak=y",
        "É=é",
      ].sort(),
    );
  });

  test("brings every byte but NUL as it is", async () => {
    const bytes = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1));
    const found = await environment(entries({ ALL: bytes }));
    expect(found).toEqual([`ALL=${bytes.toString("latin1")}`]);
  });

  test("brings a variable as long as the kernel lets it be, and refuses a longer one", async () => {
    const longest = "v".repeat(LONGEST - "V=".length - 1);
    expect(await environment(entries({ V: longest, W: "127".repeat(43_000) }))).toContain(
      `V=${longest}`,
    );
    const file = await shop.file("long", entries({ V: CANARY + longest }));
    expectRefusal(await shim([file, ...ENVIRON]), 126, "too long");
  });

  test("refuses more than the kernel gives a program, and a file that could never fit", async () => {
    const limited = ["/bin/sh", "-c", 'ulimit -s 8192; exec "$@"', "sh"];
    const many = Object.fromEntries(
      Array.from({ length: 24 }, (_, index) => [`V${index}`, CANARY.repeat(4000)]),
    );
    const file = await shop.file("many", entries(many));
    expectRefusal(
      await run([...limited, ...shop.command(architecture), file, ...ENVIRON]),
      126,
      "too long",
    );
    const huge = await shop.file("huge", Buffer.alloc(7 * 1024 * 1024, `A=${CANARY}\0`));
    expectRefusal(await shim([huge, ...ENVIRON]), 126, "it is too long");
    expectRefusal(await shim(["/dev/zero", ...ENVIRON]), 126, "it is too long");
  });

  test.each([
    ["a file that is cut off", `SECRET=${CANARY}`],
    ["an entry without =", `A=1\0${CANARY}\0`],
    ["an entry without a name", `A=1\0=${CANARY}\0`],
    ["an empty entry", `A=${CANARY}\0\0`],
    ["a file without any", ""],
  ])("refuses %s", async (_, content) => {
    const file = await shop.file(`damaged-${architecture}`, content);
    expectRefusal(await shim([file, ...ENVIRON]), 126, "damaged");
  });

  test("refuses what it cannot read, without waiting", async () => {
    execFileSync("mkfifo", [join(shop.directory, `pipe-${architecture}`)]);
    const secret = await shop.file("private", entries({ A: CANARY }), 0o600);
    expectRefusal(
      await shim([join(shop.directory, "none"), ...ENVIRON]),
      126,
      "no such file or directory",
    );
    expectRefusal(await shim([shop.directory, ...ENVIRON]), 126, "is a directory");
    expectRefusal(await shim([`${variables}/x`, ...ENVIRON]), 126, "not a directory");
    expectRefusal(await shim([secret, ...ENVIRON], { uid: NOBODY }), 126, "permission denied");
    expectRefusal(
      await shim([join(shop.directory, `pipe-${architecture}`), ...ENVIRON]),
      126,
      "damaged",
    );
  });

  test("wants a file and a program", async () => {
    expectRefusal(await shim([]), 126, "a file and a program");
    expectRefusal(await shim([variables]), 126, "a file and a program");
  });

  test.each([
    ["in a later directory of PATH", "/nowhere:good"],
    ["behind one that nobody may execute", "closed:good"],
    ["behind a directory of its name", "folder:good"],
    ["behind what is no directory", "/etc/passwd:good"],
    ["behind a directory whose name is too long", `/${"x".repeat(5000)}:good`],
  ])("finds the program %s", async (_, search) => {
    const PATH = search.replaceAll(/(good|closed|folder)/g, (name) => join(programs, name));
    const { code, stdout } = await shim([variables, "tool"], { env: { PATH } });
    expect([code, stdout.toString()]).toEqual([0, `${CANARY}\n`]);
  });

  test("searches the PATH of the file, where it has one", async () => {
    const file = await shop.file("path", entries({ PATH: join(programs, "good"), SECRET: "s" }));
    const { stdout } = await shim([file, "tool"], { env: { PATH: "/nowhere" } });
    expect(stdout.toString()).toBe("s\n");
  });

  test.each([
    [
      "that is in none of its directories",
      { PATH: "/nowhere:folder" },
      127,
      "no such program in PATH",
    ],
    ["without a PATH", {}, 127, "no such program in PATH"],
    ["with an empty PATH", { PATH: "" }, 127, "no such program in PATH"],
    ["where nobody may execute it", { PATH: "closed:/nowhere" }, 126, "permission denied"],
    ["by an empty entry", { PATH: ":/bin" }, 126, "relative to the working directory"],
    [
      "by an empty entry at the end",
      { PATH: "/nowhere:" },
      126,
      "relative to the working directory",
    ],
    ["by an entry that is not absolute", { PATH: "../good:/bin" }, 126, "relative to the working"],
  ])(
    "does not find or run a program %s, as the engine",
    async (_, env: { PATH?: string }, code, why) => {
      const search = env.PATH?.replaceAll(/^(closed)|(folder)$/g, (name) => join(programs, name));
      const around = {
        env: search === undefined ? {} : { PATH: search },
        cwd: join(programs, "good"),
      };
      expectRefusal(await shim([variables, "tool"], around), code, why);
      expectRefusal(await shim([variables, ""], around), 127, "no such program");
    },
  );

  test("runs what a path names, from the working directory too", async () => {
    for (const path of ["./good/tool", "good/tool", join(programs, "good/tool")]) {
      const { code, stdout } = await shim([variables, path], { cwd: programs });
      expect([code, stdout.toString()]).toEqual([0, `${CANARY}\n`]);
    }
  });

  test.each([
    ["what is not there", "./none", 127, "no such file or directory"],
    ["what wants a program that is not there", "./lost", 127, "no such file or directory"],
    ["what is behind a file", "./text/x", 127, "not a directory"],
    ["what nobody may execute", "./closed/tool", 126, "permission denied"],
    ["a directory", "./folder", 126, "permission denied"],
    ["a text", "./text", 126, "exec format error"],
    ["links in a circle", "./circle", 126, "too many symbolic links"],
    ["a path that is too long", `./${"x".repeat(5000)}`, 126, "file name too long"],
    ["a name for a terminal", "./\u001b[2J\nA", 127, "./?[2J?A: no such"],
  ])("says why it cannot run %s", async (_, path, code, why) => {
    expectRefusal(await shim([variables, path], { cwd: programs }), code, why);
  });

  test("becomes the program: its process, its arguments, its exit code, its signals", async () => {
    const shell = (script: string, around?: Around): Promise<Ended> =>
      shim([variables, "/bin/sh", "-c", script], around);
    const { pid, stdout } = await shell("echo $$");
    expect(stdout.toString()).toBe(`${pid}\n`);
    const given = await shim([variables, "cat", "/proc/self/cmdline", "/dev/null", ""], {
      env: { PATH: "/bin" },
    });
    expect(listOf(given.stdout)).toEqual(["cat", "/proc/self/cmdline", "/dev/null", ""]);
    expect((await shell("exit 3")).code).toBe(3);
    expect((await shell("kill -KILL $$")).signal).toBe("SIGKILL");
    const trapped = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    const ended = await shell(trapped, { onOutput: (ours) => process.kill(ours, "SIGTERM") });
    expect(ended.code).toBe(7);
  });

  test("leaves no descriptor open, and signals and limits as they were", async () => {
    const tell = [
      "/bin/sh",
      "-c",
      "ls /proc/self/fd; grep -E '^(Sig[^Q]|Cap|NoNew|Seccomp:)' /proc/self/status; umask; ulimit -a",
    ];
    for (const closed of ["", "<&-", "2>&-", "<&- 2>&-"]) {
      const around = ["/bin/sh", "-c", `exec "$@" ${closed}`, "sh"];
      const [plain, through] = [
        await run([...around, ...tell]),
        await run([...around, ...shop.command(architecture), variables, ...tell]),
      ];
      expect(plain.stdout.toString()).toContain("SigIgn");
      expect(through.stdout.toString()).toBe(plain.stdout.toString());
    }
  });

  test("takes any file: the variables are right, or it says in a line that it is damaged", async () => {
    const own = { A: "own", B: "", "A.B": "own too" };
    const piece = fc.constantFrom("A", "B", ".", "-", "_", "\n", "'", "\u00ff", "x".repeat(300));
    const text = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(""));
    const whole = fc
      .array(fc.tuple(text, text), { maxLength: 60 })
      .map((pairs) => pairs.map(([name, value]) => `N${name}=${value}\0A${name}=\0`).join(""));
    const anything = fc.oneof(
      { weight: 3, arbitrary: whole.map((content) => Buffer.from(content, "latin1")) },
      fc.tuple(whole, text).map(([content, more]) => Buffer.from(content + more, "latin1")),
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    );
    const property = fc.asyncProperty(anything, async (content) => {
      const expected = mergedPlainly(own, content);
      if (expected !== undefined) expect(await environment(content, own)).toEqual(expected);
      else
        expectRefusal(
          await shim([await shop.file("any", content), ...ENVIRON], { env: own }),
          126,
          "damaged",
        );
    });
    await fc.assert(property, { seed: SEED, numRuns: architecture === NATIVE ? 400 : 100 });
  });
});
