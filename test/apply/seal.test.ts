import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { effective, seal, shimMount } from "../../src/apply/container/seal.ts";
import type { CreateBody, Healthcheck } from "../../src/model/engine.ts";
import { prefixOf } from "../../src/model/sealing.ts";

type Words = readonly string[] | null | undefined;
interface Config {
  readonly Entrypoint?: Words;
  readonly Cmd?: Words;
}

/** The engine's merge of a container's configuration with its image's, as its source has it; null: refused. */
function engineRuns(own: Config, image: Config): readonly string[] | null {
  let { Entrypoint = null, Cmd = null } = own;
  if ((Entrypoint ?? []).length === 0) {
    if ((Cmd ?? []).length === 0) Cmd = image.Cmd ?? null;
    if (Entrypoint === null) Entrypoint = image.Entrypoint ?? null;
  }
  if (Entrypoint?.length === 1 && Entrypoint[0] === "") Entrypoint = null;
  const argv = [...(Entrypoint ?? []), ...(Cmd ?? [])];
  return argv.length === 0 ? null : argv;
}

const base: CreateBody = {
  Image: "app",
  Env: [],
  Labels: {},
  ExposedPorts: {},
  AttachStdin: false,
  AttachStdout: true,
  AttachStderr: true,
  HostConfig: {},
  NetworkingConfig: { EndpointsConfig: {} },
};

function bodyOf({ Entrypoint, Cmd }: Config, check?: Healthcheck): CreateBody {
  return {
    ...base,
    ...(Entrypoint === undefined || Entrypoint === null ? {} : { Entrypoint }),
    ...(Cmd === undefined || Cmd === null ? {} : { Cmd }),
    ...(check === undefined ? {} : { Healthcheck: check }),
  };
}

const imageOf = (
  { Entrypoint = null, Cmd = null }: Config,
  more: Partial<Parameters<typeof seal>[1]> = {},
): Parameters<typeof seal>[1] => ({
  entrypoint: Entrypoint,
  command: Cmd,
  healthcheckTest: undefined,
  ...more,
});

const ENTRYPOINTS: readonly Words[] = [undefined, null, [], [""], ["e"], ["e", ""]];
const COMMANDS: readonly Words[] = [undefined, null, [], ["c"], ["", "c"]];
const every = ENTRYPOINTS.flatMap((Entrypoint) =>
  COMMANDS.flatMap((Cmd): Config[] => [{ Entrypoint, Cmd }]),
);

describe("what a container runs", () => {
  test("is what the engine would run, over all combinations of file and image", () => {
    let compared = 0;
    for (const own of every) {
      for (const image of every) {
        const { entrypoint, command } = effective(bodyOf(own), imageOf(image));
        const argv = [...entrypoint, ...command];
        expect([own, image, argv]).toEqual([own, image, engineRuns(own, image) ?? []]);
        compared += 1;
      }
    }
    expect(compared).toBe(900);
  });

  const words = fc.option(fc.array(fc.constantFrom("", "a", "b c"), { maxLength: 3 }));
  const config = fc.record({ Entrypoint: words, Cmd: words });
  test.each(["shim", "shell"] as const)("is the same after the prefix of the %s", (sealer) => {
    fc.assert(
      fc.property(config, config, (own, image) => {
        const bare = engineRuns(own, image);
        const { Entrypoint, Cmd } = seal(bodyOf(own), imageOf(image), sealer);
        const sealed = engineRuns({ Entrypoint, Cmd }, image);
        expect(sealed).toEqual(bare === null ? null : [...prefixOf(sealer), ...bare]);
      }),
    );
  });
});

describe("the healthcheck", () => {
  const run = { Entrypoint: ["serve"] };
  const shim = prefixOf("shim");
  const sh = ["/bin/sh", "-c"];

  test.each<[string, readonly string[] | undefined, readonly string[] | undefined, Words]>([
    ["of nobody", undefined, undefined, undefined],
    ["CMD of the image", undefined, ["CMD", "a", "b"], ["CMD", ...shim, "a", "b"]],
    ["CMD of the file", ["CMD", "a"], ["CMD", "b"], ["CMD", ...shim, "a"]],
    ["text of the image", undefined, ["CMD-SHELL", "a b"], ["CMD", ...shim, ...sh, "a b"]],
    ["text of the file", ["CMD-SHELL", "a b"], undefined, ["CMD", ...shim, ...sh, "a b"]],
    ["none by the file", ["NONE"], ["CMD", "a"], ["NONE"]],
    ["without a test of its own", [], ["CMD", "a"], ["CMD", ...shim, "a"]],
  ])("%s", (_, own, image, expected) => {
    const check = own === undefined ? undefined : { Test: own };
    const sealed = seal(bodyOf(run, check), imageOf({}, { healthcheckTest: image }), "shim");
    expect(sealed.Healthcheck?.Test).toEqual(expected);
  });

  test("keeps its own times, and leaves the image's to the engine", () => {
    const image = imageOf({}, { healthcheckTest: ["CMD", "a"] });
    const own = { Interval: 5, Retries: 2 };
    const sealed = seal(bodyOf(run, own), image, "shim");
    expect(sealed.Healthcheck).toEqual({ ...own, Test: ["CMD", ...shim, "a"] });
    expect(seal(bodyOf(run), image, "shim").Healthcheck).toEqual({ Test: ["CMD", ...shim, "a"] });
  });
});

test("nothing else of the body is touched", () => {
  const body = { ...bodyOf({ Entrypoint: ["a"], Cmd: ["b"] }), User: "1:2", WorkingDir: "/w" };
  const sealed = seal(body, imageOf({}), "shim");
  expect(sealed).toEqual({ ...body, Entrypoint: [...prefixOf("shim"), "a"], Cmd: ["b"] });
});

test("the program is bound so that nobody in there can change it, and must be there", () => {
  expect(shimMount("/home/x/shim-amd64-1")).toEqual({
    Type: "bind",
    Source: "/home/x/shim-amd64-1",
    Target: "/.dso/shim",
    ReadOnly: true,
    BindOptions: {},
  });
});
