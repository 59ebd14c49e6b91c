/** A service under a request loop that tells its version, which comes from a store that a test changes. */
import { expect } from "vitest";
import { startAgent } from "./agency.ts";
import type { Home, Project } from "./cli.ts";
import { composeOf, expectNoneOfTheOld, underLoad } from "./underLoad.ts";

export const VERSIONS = ["v1", "v2", "v3"];

/** The service that tells its version, with the version from another store. */
export async function appWith(home: Home, reference: string, providers: string): Promise<Project> {
  const text = await composeOf({ program: "node" });
  const compose = text.replace("dsofile://version", `"dsofile://${reference}?target=version"`);
  expect(compose).not.toBe(text);
  const files = { "compose.yaml": compose, "dso.yaml": `providers: { ${providers} }\n` };
  return home.project(files, "stores");
}

/** By its name, when each was all there was. */
async function through(
  versions: readonly string[],
  change: (version: string) => Promise<void>,
): Promise<ReadonlyMap<string, number>> {
  const replaced = new Map<string, number>();
  for (const version of versions) {
    await change(version);
    replaced.set(version, Date.now());
  }
  return replaced;
}

export async function expectNoneFailed(
  home: Home,
  project: Project,
  change: (version: string) => Promise<void>,
): Promise<void> {
  let replaced: ReadonlyMap<string, number> = new Map();
  const loop = await underLoad(home, project, { name: "web", perSecond: 50 }, async () => {
    replaced = await through(VERSIONS, change);
  });
  expect(loop.failed).toEqual({});
  expectNoneOfTheOld(loop, replaced);
}

/** Each version is put into the store; the agent finds it, and no request fails. */
export async function expectAgentRolls(
  home: Home,
  project: Project,
  settings: NonNullable<Parameters<typeof startAgent>[2]>,
  put: (version: string) => Promise<unknown>,
): Promise<void> {
  await using agent = await startAgent(home, project, { polling: "1s", ...settings });
  await expectNoneFailed(home, project, async (version) => {
    await put(version);
    await agent.said(/^Reconciled: /);
  });
}
