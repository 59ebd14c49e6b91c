import { describe, expect, test } from "vitest";
import type { Binding, Grade } from "../../src/model/desired.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { prefixIn, prefixOf, sealedNames, sealerFor } from "../../src/model/sealing.ts";

const variable = (name: string, grade: Grade = "sealed"): Binding => ({
  place: { kind: "environment", name },
  template: [],
  grade,
  position: undefined,
});
const file: Binding = {
  place: { kind: "file", target: "/run/secrets/a" },
  template: [],
  grade: "file",
  position: undefined,
};

describe("the names of sealed variables", () => {
  test("are those of sealed bindings, and of no file", () => {
    const bindings = [variable("A"), variable("B", "exposed"), file, variable("C.D")];
    expect(sealedNames({ bindings })).toEqual(["A", "C.D"]);
  });
});

describe("the prefix of a container that is there", () => {
  test.each(["shim", "shell"] as const)("by the %s is found again", (sealer) => {
    const prefix = prefixOf(sealer);
    expect(prefixIn([...prefix, "/bin/serve", "-p"])).toEqual(prefix);
    expect(prefixIn(prefix)).toEqual(prefix);
    expect(prefixIn(prefix.slice(0, -1))).toEqual([]);
    expect(prefixIn(["/bin/serve", ...prefix])).toEqual([]);
  });

  test.each([[null], [undefined], [[]], [["/bin/sh", "-c", "echo hello", "sh"]]])(
    "is empty for %j",
    (entrypoint) => {
      expect(prefixIn(entrypoint)).toEqual([]);
    },
  );
});

describe("who seals", () => {
  const service = (
    bindings: readonly Binding[],
    environment: ServiceModel["environment"] = {},
  ): Parameters<typeof sealerFor>[0] => ({
    bindings,
    model: {
      environment: {
        ...environment,
        ...Object.fromEntries(sealedNames({ bindings }).map((name) => [name, "dso://a"])),
      },
    },
  });

  test("the shim where there is one, whatever the names", () => {
    const image = { environment: ["a.b=c"] };
    for (const one of [undefined, image])
      expect(sealerFor(service([variable("x-y")]), { shim: true, image: one })).toBe("shim");
  });

  test("nobody knows before the image is there", () => {
    expect(sealerFor(service([variable("A")]), { shim: false, image: undefined })).toBe("unknown");
  });

  test.each([
    ["the variable", [variable("a.b")], {}, [], undefined],
    ["another of the service", [variable("A")], { "a-b": "1" }, [], undefined],
    ["one that the service unsets", [variable("A")], { "a-b": null }, [], undefined],
    ["one of the image", [variable("A")], {}, ["PATH=/bin", "java.home=/jre"], undefined],
    ["one of the image, its value empty", [variable("A")], {}, ["1ST="], undefined],
    ["one that is set at last by nobody", [variable("A")], {}, ["ÄRGER=1"], undefined],
    ["none, however odd the values", [variable("_a9")], { B: "x.y-z" }, ["C=a=b.c"], "shell"],
  ] as const)("a shell drops names that are none: %s", (_, bindings, own, environment, found) => {
    expect(sealerFor(service(bindings, own), { shim: false, image: { environment } })).toBe(found);
  });

  test.each([
    ["UID", undefined, "shell"],
    ["SECONDS", undefined, "shell"],
    ["RANDOM", undefined, undefined],
    ["OPTIND", undefined, undefined],
    ["SHLVL", undefined, undefined],
    ["BASH_ENV", undefined, undefined],
    ["PWD", "shell", undefined],
    ["IFS", "shell", undefined],
  ] as const)("a shell has a %s of its own: sealed %s, passed on %s", (name, sealed, passed) => {
    const seen = { shim: false, image: { environment: [] } };
    expect(sealerFor(service([variable(name)]), seen)).toBe(sealed);
    expect(sealerFor(service([variable("A")], { [name]: "7" }), seen)).toBe(passed);
    const image = { environment: [`${name}=7`] };
    expect(sealerFor(service([variable("A")]), { shim: false, image })).toBe(passed);
  });
});
