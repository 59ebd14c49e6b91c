import { describe, expect, it } from "vitest";
import { approves, askHidden, readSecret } from "../../src/cli/input.ts";
import { createFakeSession } from "../fakes/session.ts";

async function piped(...parts: readonly (string | Buffer)[]): Promise<string> {
  const session = createFakeSession();
  parts.forEach(session.keyboard.type);
  session.keyboard.end();
  using secret = await readSecret(session);
  return secret.reveal().toString("latin1");
}

async function typed(text: string | Buffer): Promise<string> {
  const session = createFakeSession({ terminal: true });
  session.keyboard.type(text);
  using secret = await askHidden(session, "Value: ");
  expect(session.keyboard.raw).toEqual([true, false]);
  expect(session.written.error()).toBe("Value: \n");
  return secret.reveal().toString("utf8");
}

describe("a value from a pipe", () => {
  it("is taken without the one newline that echo adds", async () => {
    expect(await piped("hunter2\n")).toBe("hunter2");
    expect(await piped("hunter2\r\n")).toBe("hunter2");
    expect(await piped("two\n\n")).toBe("two\n");
    expect(await piped("a\nb", "\nc")).toBe("a\nb\nc");
  });

  it("may be any bytes", async () => {
    expect(await piped(Buffer.from([0, 255, 10, 13]))).toBe("\u0000ÿ\n\r");
  });
});

describe("a value that is typed", () => {
  it("is not echoed, and ends with the line", async () => {
    expect(await typed("hunter2\rrest")).toBe("hunter2");
  });

  it("can be corrected, character by character or as a whole", async () => {
    expect(await typed("huntér\u007f\u007fer2\r")).toBe("hunter2");
    expect(await typed("wrong\u0015right\r")).toBe("right");
  });

  it("is given up with Ctrl-C, and the terminal is as before", async () => {
    const session = createFakeSession({ terminal: true });
    session.keyboard.type("hun\u0003");
    await expect(askHidden(session, "Value: ")).rejects.toMatchObject({ code: "aborted" });
    expect(session.keyboard.raw).toEqual([true, false]);
  });

  it("is not asked for where nobody is", async () => {
    await expect(askHidden(createFakeSession(), "Value: ")).rejects.toMatchObject({
      code: "usage",
    });
  });

  it("stops waiting when the command is interrupted", async () => {
    const stop = new AbortController();
    const session = createFakeSession({ terminal: true, signal: stop.signal });
    const answer = askHidden(session, "Value: ");
    stop.abort(new Error("interrupted"));
    await expect(answer).rejects.toThrow();
    expect(session.keyboard.raw).toEqual([true, false]);
  });
});

describe("a question", () => {
  it.each([
    ["yes\n", true],
    ["  yes \r\n", true],
    ["y\n", false],
    ["YES\n", false],
    ["\n", false],
  ])("takes %j as %s", async (answer, expected) => {
    const session = createFakeSession({ terminal: true });
    session.keyboard.type(answer);
    expect(await approves(session, "Sure? ")).toBe(expected);
  });

  it("that is not answered is a no", async () => {
    const session = createFakeSession({ terminal: true });
    session.keyboard.end();
    expect(await approves(session, "Sure? ")).toBe(false);
  });
});
