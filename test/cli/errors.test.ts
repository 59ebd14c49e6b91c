import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderError } from "../../src/cli/render/errors.ts";
import { createStyle } from "../../src/cli/render/style.ts";
import { combine, DsoError, type ErrorCode } from "../../src/model/errors.ts";

const PLAIN = { style: createStyle(false), debug: false };

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dso-errors-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

async function at(
  name: string,
  line: string,
  code: ErrorCode = "provider-unknown",
): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, `services:\n${line}\n`);
  const error = new DsoError(code, 'no provider is named "valt"', {
    hint: 'Did you mean "vault"?',
    position: { file, line: 2, column: 9 },
  });
  return (await renderError(error, PLAIN)).replaceAll(directory, "…");
}

describe("an error on a terminal", () => {
  it("says what, where and what to do", async () => {
    expect(await at("compose.yaml", "    DB: dso://valt:db")).toBe(`
Error: No provider is named "valt"

  …/compose.yaml:2:9
    2 |     DB: dso://valt:db
      |         ^

  Did you mean "vault"?
`);
  });

  it.each([
    ["a line with a variable", "compose.yaml", "    DB: ${PASSWORD}", "provider-unknown"],
    ["a file of values", ".env", "PASSWORD=hunter2", "compose-invalid"],
    ["dso.yaml, where tokens stand", "dso.yaml", "  token: hunter2", "config-invalid"],
  ] as const)("does not show %s", async (_what, name, line, code) => {
    const text = await at(name, line, code);
    expect(text).toContain(`…/${name}:2:9`);
    expect(text).not.toContain(line.trim());
  });

  it("shows what is not in this release where a compose file asks for it, not in dso.yaml", async () => {
    const shown = await at("compose.yaml", "    x-dso: { strategy: signal }", "not-in-release");
    expect(shown).toContain("2 |     x-dso: { strategy: signal }");
    const file = join(directory, "dso.yaml");
    await writeFile(file, "defaults:\n  rotation: { strategy: signal }\n");
    const position = { file, line: 2, column: 3 };
    const error = new DsoError("not-in-release", "strategy signal", { position });
    expect(await renderError(error, PLAIN)).not.toContain("rotation:");
  });

  it("lists every finding", async () => {
    const all = ["one", "two", "three"].map((text) => new DsoError("compose-invalid", text));
    const text = await renderError(combine(all), PLAIN);
    expect(text.match(/Error: /g)).toHaveLength(3);
  });

  it("lets no foreign text steer the terminal", async () => {
    const error = new DsoError("engine-refused", "no \u001b]0;owned\u0007 image\r\u001b[2J");
    expect(await renderError(error, PLAIN)).toBe(
      "\nError: No \\u001b]0;owned\\u0007 image\\u000d\\u001b[2J\n",
    );
  });

  it("calls what was not expected a defect, its stack only on request", async () => {
    const error = new TypeError("x is undefined");
    const text = await renderError(error, PLAIN);
    expect(text).toContain("defect in DSO");
    expect(text).not.toContain("errors.test.ts");
    expect(await renderError(error, { ...PLAIN, debug: true })).toContain("errors.test.ts");
  });
});
