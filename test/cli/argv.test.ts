import { describe, expect, it } from "vitest";
import { type KnownFlag, readFlags } from "../../src/cli/argv.ts";

const FLAGS: readonly KnownFlag[] = [
  { long: "auto-approve", short: undefined, takesValue: false },
  { long: "json", short: undefined, takesValue: false },
  { long: "no-color", short: undefined, takesValue: false },
  { long: "out", short: undefined, takesValue: true },
  { long: "file", short: "f", takesValue: true },
  { long: "detach", short: "d", takesValue: false },
  { long: "timeout", short: "t", takesValue: true },
];

function read(...argv: readonly string[]): readonly string[] {
  return readFlags(argv, FLAGS, false).read;
}

describe("flags of Terraform and of POSIX", () => {
  it("takes one dash for two", () => {
    expect(read("-auto-approve", "--json", "-no-color")).toEqual([
      "--auto-approve",
      "--json",
      "--no-color",
    ]);
  });

  it("keeps the value, behind an equals sign or after it", () => {
    expect(read("-out=a=b", "-out", "-weird-name", "--out", "c")).toEqual([
      "--out=a=b",
      "--out",
      "-weird-name",
      "--out",
      "c",
    ]);
  });

  it("reads booleans as Terraform does", () => {
    expect(read("-json=true", "-auto-approve=false", "x")).toEqual(["--json", "x"]);
  });

  it("leaves short flags, groups of them and what it does not know alone", () => {
    expect(read("-d", "-dt5", "-f", "-json", "-jsno", "-")).toEqual([
      "-d",
      "-dt5",
      "-f",
      "-json",
      "-jsno",
      "-",
    ]);
  });

  it("does not look beyond a double dash", () => {
    expect(read("-json", "--", "-json")).toEqual(["--json", "--", "-json"]);
  });

  it("stops at the first operand where the rest is somebody else's", () => {
    expect(readFlags(["-f", "a.yaml", "-json", "web", "-json"], FLAGS, true)).toEqual({
      read: ["-f", "a.yaml", "--json"],
      rest: ["web", "-json"],
    });
    expect(readFlags(["-dt", "5", "web"], FLAGS, true).rest).toEqual(["web"]);
    expect(readFlags(["-t5", "web"], FLAGS, true).rest).toEqual(["web"]);
  });
});
