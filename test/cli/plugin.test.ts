import { describe, expect, it } from "vitest";
import { fromDocker } from "../../src/cli/plugin.ts";

const PLUGIN = { DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: "/usr/bin/docker" };

describe("as a plug-in of docker", () => {
  it("drops the plug-in's name", () => {
    expect(fromDocker({ argv: ["dso", "plan", "dso"], environment: PLUGIN }).argv).toEqual([
      "plan",
      "dso",
    ]);
  });

  it("takes docker's own flags as the variables that say the same", () => {
    const argv = [
      "--context",
      "box",
      "-H=tcp://1.2.3.4:2375",
      "-D",
      "dso",
      "-c",
      "dso.yaml",
      "plan",
    ];
    const { argv: rest, environment } = fromDocker({ argv, environment: PLUGIN });
    expect(rest).toEqual(["-c", "dso.yaml", "plan"]);
    expect(environment).toMatchObject({ DOCKER_CONTEXT: "box", DOCKER_HOST: "tcp://1.2.3.4:2375" });
  });

  it("refuses a flag of docker that it could only ignore", () => {
    expect(() => fromDocker({ argv: ["--tlsverify", "dso", "plan"], environment: PLUGIN })).toThrow(
      "docker's flag --tlsverify is not understood here",
    );
  });

  it("leaves a line alone that is ours", () => {
    const argv = ["-f", "x", "exec", "web", "dso"];
    expect(fromDocker({ argv, environment: {} })).toEqual({ argv, environment: {} });
  });
});
