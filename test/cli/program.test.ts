import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { DsoError } from "../../src/model/errors.ts";
import { createFakeSession } from "../fakes/session.ts";

async function refusal(...argv: readonly string[]): Promise<DsoError> {
  const error: unknown = await runProgram(argv, createFakeSession()).then(
    () => new Error("it was accepted"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof DsoError) return error;
  throw error;
}

describe("the command line", () => {
  it("runs a command and passes its exit code on", async () => {
    const session = createFakeSession();
    await expect(runProgram(["version", "-json"], session)).resolves.toBe(0);
    expect(JSON.parse(session.written.output())).toMatchObject({ version: "4.0.0-test" });
  });

  it.each([
    [["plann"], 'dso has no command "plann".', 'Did you mean "dso plan"?'],
    [["secret", "sett"], 'dso secret has no command "sett".', 'Did you mean "dso secret set"?'],
    [["version", "-jsn"], 'dso version has no flag "-jsn".', 'Did you mean "-json"?'],
    [
      ["apply", "-auto-aprove"],
      'dso apply has no flag "-auto-aprove".',
      'Did you mean "-auto-approve"?',
    ],
  ])("refuses %j and says what was meant", async (argv, message, hint) => {
    expect(await refusal(...argv)).toMatchObject({ code: "usage", message, hint });
  });

  it.each([
    [["plan", "-lock-timeout=soon"], /Write a duration/],
    [["plan", "-parallelism=0"], /number from 1/],
    [["apply", "-input=maybe"], /true or false/],
    [["up", "--scale", "web"], /web=3/],
    [["show"], /missing required argument 'file'/],
  ])("refuses %j", async (argv, message) => {
    const error = await refusal(...argv);
    expect(error.code).toBe("usage");
    expect(error.message).toMatch(message);
  });

  it("shows the help of a command, asked for in either way", async () => {
    const [first, second] = [createFakeSession(), createFakeSession()];
    await expect(runProgram(["help", "plan"], first)).resolves.toBe(0);
    await expect(runProgram(["plan", "--help"], second)).resolves.toBe(0);
    expect(first.written.output()).toContain("Usage: dso plan");
    expect(first.written.output()).toBe(second.written.output());
  });

  it("lists every command in its help, and does not call that success", async () => {
    const session = createFakeSession();
    await expect(runProgram([], session)).resolves.toBe(1);
    for (const name of ["plan", "apply", "up", "secret", "rollback", "completion"]) {
      expect(session.written.error()).toContain(`\n  ${name} `);
    }
  });
});
