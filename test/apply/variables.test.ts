import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Values } from "../../src/apply/memory/values.ts";
import {
  checkVariables,
  exposedEnvironment,
  variablesFile,
} from "../../src/apply/memory/variables.ts";
import type { DesiredService, Grade } from "../../src/model/desired.ts";
import { Secret } from "../../src/model/secret.ts";
import { prefixOf, sealerFor, VARIABLES_TARGET } from "../../src/model/sealing.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { service } from "./fixture.ts";

interface Given {
  readonly service: DesiredService;
  readonly values: Values;
}

/** A service with these variables; a value stands for itself. */
function given(variables: Readonly<Record<string, Buffer>>, grade: Grade = "sealed"): Given {
  const hold = (bytes: Buffer): Secret => new Secret(Buffer.from(bytes));
  const values = {
    render: ([name]: readonly unknown[]) => hold(variables[String(name)]!),
    hold,
  } as unknown as Values;
  const position = { file: "compose.yaml", line: 7, column: 5 };
  const bindings = Object.keys(variables).map((name) => ({
    ...{ place: { kind: "environment" as const, name }, template: [name], grade, position },
  }));
  return { service: service("web", {}, { bindings }), values };
}

function content(variables: Readonly<Record<string, Buffer>>, sealer: "shim" | "shell"): Buffer {
  const { service: web, values } = given(variables);
  return variablesFile(web, values, sealer)!.content.reveal();
}

/** What a program gets whose variables that shell reads from that file. */
function readBy(
  shell: string,
  path: string,
  env: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, Buffer> {
  const [, ...rest] = prefixOf("shell").map((word) => word.replace(VARIABLES_TARGET, path));
  // By its name a shell, and busybox too, knows that it is to be /bin/sh.
  const found = execFileSync(shell, [...rest, "/bin/cat", "/proc/self/environ"], {
    ...{ argv0: "sh", stdio: ["ignore", "pipe", "ignore"] },
    env: { PATH: "/usr/bin:/bin", ...env },
  });
  const entries = found.toString("latin1").split("\0").slice(0, -1);
  return new Map(
    entries.map((entry) => {
      const at = entry.indexOf("=");
      return [entry.slice(0, at), Buffer.from(entry.slice(at + 1), "latin1")];
    }),
  );
}

const EVERY_BYTE = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1));

describe("the file of the shim", () => {
  test("is entries that end with NUL, any name and any bytes", () => {
    const file = content({ "a.b-c": Buffer.from("x=y\n"), E: Buffer.of(), Z: EVERY_BYTE }, "shim");
    const expected = ["a.b-c=x=y\n\0E=\0Z=", EVERY_BYTE.toString("latin1"), "\0"].join("");
    expect(file.toString("latin1")).toBe(expected);
  });
});

/** Those that this machine has; the first one has to be. */
const SHELLS = ["/bin/sh", "/bin/dash", "/bin/bash", "/bin/busybox"].filter(
  (path, index) => index === 0 || existsSync(path),
);

describe.each(SHELLS)("the file of a shell, read by %s", (shell) => {
  const bytes = fc
    .array(fc.oneof(fc.integer({ min: 1, max: 255 }), fc.constantFrom(...Buffer.from("'\\\n$`\""))))
    .map((all) => Buffer.from(all));

  test("gives back any bytes but NUL", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "environment");
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        writeFileSync(path, content({ A: a, _b9: b, ALL: EVERY_BYTE }, "shell"));
        const found = readBy(shell, path);
        for (const [name, value] of Object.entries({ A: a, _b9: b, ALL: EVERY_BYTE }))
          expect(found.get(name)?.toString("latin1")).toBe(value.toString("latin1"));
      }),
      { numRuns: 50, examples: [[Buffer.from("''"), Buffer.of()]] },
    );
  });

  test("takes the longest value that there can be", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "environment");
    const value = Buffer.alloc(128 * 1024 - "A=".length - 1, "'");
    writeFileSync(path, content({ A: value }, "shell"));
    expect(readBy(shell, path).get("A")?.equals(value)).toBe(true);
  });
});

/** Names that mean something to one shell or another; what it is for is tried in each. */
const NAMES = (
  "BASH BASHOPTS BASHPID BASH_ALIASES BASH_COMMAND BASH_ENV BASH_LINENO BASH_SUBSHELL CDPATH COLUMNS " +
  "DIRSTACK ENV EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD HISTSIZE HOME HOSTNAME IFS LANG " +
  "LINENO LINES MAIL MAILCHECK OLDPWD OPTARG OPTERR OPTIND PATH PIPESTATUS PPID PS1 PS2 PS4 PWD RANDOM " +
  "REPLY SECONDS SHELL SHELLOPTS SHLVL SRANDOM TERM TMOUT TZ UID USER _"
).split(" ");

/** Whether a program gets it whole, sealed or as one that was there before. */
function arrives(shell: string, path: string, name: string, sealed: boolean): boolean {
  const value = "/usr/bin:/bin";
  writeFileSync(path, content({ [sealed ? name : "A"]: Buffer.from(value) }, "shell"));
  try {
    const found = readBy(shell, path, sealed ? {} : { [name]: value });
    return found.get(name)?.toString() === value;
  } catch {
    return false;
  }
}

test.each([true, false])(
  "what is given to a shell comes out of it, whatever the name (sealed: %s)",
  async (sealed) => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "environment");
    const lost = NAMES.filter((name) => !SHELLS.every((one) => arrives(one, path, name, sealed)));
    const bindings = given({ A: Buffer.of() }).service.bindings;
    const image = { environment: [] };
    const refused = NAMES.filter((name) => {
      const [one] = bindings;
      const wanted = sealed
        ? [{ ...one!, place: { kind: "environment" as const, name } }]
        : bindings;
      const model = { environment: { A: "", [name]: "" } };
      return sealerFor({ bindings: wanted, model }, { shim: false, image }) === undefined;
    });
    expect(refused).toEqual(expect.arrayContaining(lost));
    expect(lost).toEqual(expect.arrayContaining(["OPTIND"]));
  },
);

describe("what no variable can hold", () => {
  const largest = 128 * 1024 - "A=".length - 1;

  test.each([
    ["sealed", Buffer.alloc(largest + 1, "x"), "secret-too-large"],
    ["exposed", Buffer.alloc(largest + 1, "x"), "secret-too-large"],
    ["sealed", Buffer.from("a\0b"), "policy-refused"],
    ["exposed", Buffer.from("a\0b"), "policy-refused"],
    ["exposed", Buffer.of(0xff), "policy-refused"],
  ] as const)("is refused before anything is changed: %s", (grade, value, code) => {
    const { service: web, values } = given({ A: value }, grade);
    expect(() => {
      checkVariables(web, values);
    }).toThrow(
      expect.objectContaining({
        code,
        hint: expect.stringContaining("dsofile://") as string,
        position: { file: "compose.yaml", line: 7, column: 5 },
      }) as Error,
    );
  });

  test("the longest, and sealed bytes that are no text, are taken", () => {
    const { service: web, values } = given({ A: Buffer.alloc(largest, 0xff) });
    expect(() => {
      checkVariables(web, values);
    }).not.toThrow();
  });
});

test("each grade has its own, and none has the other's", () => {
  const { service: web, values } = given({ A: Buffer.from("a"), B: Buffer.from("b") });
  const [a, b] = web.bindings;
  const mixed = { ...web, bindings: [a!, { ...b!, grade: "exposed" as const }] };
  expect(exposedEnvironment(mixed, values)).toEqual({ B: "b" });
  expect(variablesFile(mixed, values, "shim")!.content.reveal().toString()).toBe("A=a\0");
  expect(variablesFile({ ...web, bindings: [] }, values, "shim")).toBeUndefined();
});
