/** What every home looks for when it goes is found where it is. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createHome, type Home } from "./cli.ts";
import { ensureTestImage } from "./image.ts";

const value = `it's ${randomBytes(20).toString("hex")}`;
const name = `leak-check-${randomBytes(4).toString("hex")}`;
const encoded = Buffer.from(`user:${value}`).toString("base64");

const places: Readonly<Record<string, (home: Home) => Promise<unknown>>> = {
  "/dso/state/kept": async ({ path }) => {
    await mkdir(join(path, "dso/state"), { recursive: true });
    await writeFile(join(path, "dso/state/kept"), `basic ${encoded}\n`);
  },
  "/networks": (home) => network(home),
  "/containers/": async (home) => {
    const labels = ["--label", `com.docker.compose.project=${name}`];
    const args = ["create", "--env", `A=${value}`, ...labels, await ensureTestImage()];
    return home.run("docker", args);
  },
};

function network(home: Home): Promise<unknown> {
  return home.run("docker", ["network", "create", "--label", `a=${value}`, name]);
}

test.each(Object.keys(places))("%s", async (place) => {
  const home = await createHome();
  await home.setSecret("app/password", value);
  await places[place]?.(home);
  await expect(home[Symbol.asyncDispose]()).rejects.toThrow(place);
  await tidy();
});

async function tidy(): Promise<void> {
  await using home = await createHome();
  await home.run("docker", ["network", "rm", name]).catch(() => undefined);
  const { stdout } = await home.run("docker", [
    "ps",
    "-aq",
    "--filter",
    `label=com.docker.compose.project=${name}`,
  ]);
  const ids = stdout.split("\n").filter((id) => id !== "");
  if (ids.length > 0) await home.run("docker", ["rm", ...ids]);
}
