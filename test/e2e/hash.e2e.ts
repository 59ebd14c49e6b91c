/** The config hash of models nobody wrote, by us and by the newest Docker Compose. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serviceHash } from "../../src/compose/output/hash.ts";
import { loadProject } from "../../src/compose/load.ts";
import { createHome, newestCompose, type Home } from "./cli.ts";
import { fileOf, service } from "./composeModels.ts";

const SEED = 20_403;
const FILES = 10;
const SERVICES = 10;

describe(`the config hash of ${FILES * SERVICES} generated services (seed ${SEED})`, () => {
  const models = fc.sample(service, { seed: SEED, numRuns: FILES * SERVICES });
  let home: Home;

  beforeAll(async () => {
    home = await createHome();
  });

  afterAll(async () => {
    await home[Symbol.asyncDispose]();
  });

  it.each(Array.from({ length: FILES }, (_, index) => index))(
    "is Compose's in file %i",
    async (index) => {
      const dir = join(home.path, `file-${index}`);
      await mkdir(dir);
      await writeFile(join(dir, ".env"), "FROM_DOT_ENV='a \"quoted\" <value>'\n");
      const services = models.slice(index * SERVICES, (index + 1) * SERVICES);
      await writeFile(join(dir, "compose.yaml"), fileOf(services));

      const args = ["-p", "hashes", "config", "--hash", "*"];
      const { stdout } = await home.run(newestCompose(), args, { cwd: dir });
      const theirs = new Map(
        stdout
          .trim()
          .split("\n")
          .map((line) => line.split(" ") as [string, string]),
      );

      const options = { cwd: dir, projectName: "hashes", env: home.environment, home: home.path };
      const project = await loadProject(options, AbortSignal.timeout(60_000));
      const ours = new Map(
        [...project.services].map(([name, model]) => [name, serviceHash(model, "v2")]),
      );

      expect(ours.size).toBe(SERVICES + 1);
      expect(ours).toEqual(theirs);
    },
  );
});
