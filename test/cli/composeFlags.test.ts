import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { composeWords } from "../../src/cli/composeFlags.ts";
import { useMachine } from "./machine.ts";

const { home, dso } = useMachine();

describe("the flags before a command of compose", () => {
  beforeEach(() =>
    writeFile(
      join(home(), "work/compose.yaml"),
      "services: { web: { image: w } }\nnetworks: { unused: }\n",
    ),
  );

  it("that only say how something is shown or done change no model", async () => {
    const flags = ["--ansi", "never", "--progress", "plain", "--parallel", "3", "--dry-run"];
    const { output } = await dso("compose", ...flags, "config", "--services");
    expect(output).toBe("web\n");
  });

  it("can have what no service uses shown", async () => {
    const networks = async (...flags: readonly string[]): Promise<string> =>
      (await dso("compose", ...flags, "config", "--networks")).output;
    expect(await networks()).toBe("default\n");
    expect(await networks("--all-resources")).toBe("default\nunused\n");
  });

  it.each([
    ["--dry-run", "up"],
    ["--dry-run", "down"],
    ["--compatibility", "up"],
    ["--compatibility", "config"],
    ["--all-resources", "up"],
    ["--parallel=3", "up"],
  ])("%s is refused by %s, which would not obey it", async (flag, command) => {
    const [name = ""] = flag.split("=");
    await expect(dso("compose", flag, command)).rejects.toThrow(
      `dso compose ${command} does not know ${name}.`,
    );
  });

  it("go on to Docker Compose as they came", () => {
    expect(composeWords({ ansi: "never", dryRun: true, parallel: "-1" })).toEqual([
      ...["--ansi", "never", "--dry-run", "--parallel", "-1"],
    ]);
    expect(composeWords({})).toEqual([]);
  });
});
