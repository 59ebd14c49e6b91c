import { describe, expect, test } from "vitest";
import { projectOf } from "../fakes/project.ts";

const refusal = async (compose: string): Promise<unknown> => {
  const loaded: unknown = await projectOf(compose).catch((error: unknown) => error);
  const { message, position } = loaded as { message: string; position?: { line: number } };
  return `${position?.line}: ${message}`;
};

describe("what an image is to be had by", () => {
  test("a pull policy without a meaning is refused where it stands", async () => {
    const compose = "services:\n  web:\n    image: a\n    pull_policy: refresh\n";
    expect(await refusal(compose)).toBe('4: services.web: pull_refresh_after: "" is no time');
  });

  test("a service that a build reads has to be there, and must not read it in turn", async () => {
    const reads = (other: string): string =>
      `{ build: { context: ., additional_contexts: { x: "service:${other}" } } }`;
    expect(await refusal(`services:\n  web: ${reads("nobody")}\n`)).toBe(
      "2: services.web: the build context x is of nobody, which is not there",
    );
    expect(await refusal(`services:\n  web: ${reads("web")}\n`)).toBe(
      "2: builds need each other: web -> web",
    );
    const circle = ["a: " + reads("b"), "b: " + reads("c"), "c: " + reads("b")].join("\n  ");
    expect(await refusal(`services:\n  ${circle}\n`)).toBe(
      "4: builds need each other: b -> c -> b",
    );
  });

  test("a chain of builds is read, however long it is", async () => {
    const links = Array.from({ length: 500 }, (_, n) => {
      const next = n === 499 ? "" : `, additional_contexts: { x: "service:s${n + 1}" }`;
      return `  s${n}: { build: { context: .${next} } }`;
    });
    const { services } = await projectOf(`services:\n${links.join("\n")}\n`);
    expect(services.size).toBe(500);
  });

  test("the user's platform is that of what is built, where the file names none", async () => {
    const compose = `services:
  built: { build: . }
  own: { build: ., platform: linux/amd64 }
  pulled: { image: a }
`;
    const { services } = await projectOf(compose, { DOCKER_DEFAULT_PLATFORM: "linux/arm64" });
    const platforms = ["built", "own", "pulled"].map((name) => services.get(name)?.platform);
    expect(platforms).toEqual(["linux/arm64", "linux/amd64", undefined]);
    const other = "services:\n  web: { build: { context: ., platforms: [linux/amd64] } }\n";
    await expect(
      projectOf(other, { DOCKER_DEFAULT_PLATFORM: "linux/arm64" }),
    ).rejects.toMatchObject({ code: "compose-invalid", position: { line: 2 } });
  });
});
