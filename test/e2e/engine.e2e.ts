import { randomBytes, randomInt } from "node:crypto";
import { createServer } from "node:net";
import { resolveConnection } from "../../src/docker/connection.ts";
import { createEngine } from "../../src/docker/engine.ts";
import { engineContract } from "../contract/engine.ts";
import { ensureTestImage } from "./image.ts";

const images = {
  base: await ensureTestImage("base"),
  exits: await ensureTestImage("exits"),
  health: await ensureTestImage("health"),
  stubborn: await ensureTestImage("stubborn"),
  user: await ensureTestImage("user"),
  volume: await ensureTestImage("volume"),
};

engineContract("the real engine", async () => ({
  engine: createEngine(await resolveConnection(process.env)),
  images,
  project: `dso-e2e-${randomBytes(4).toString("hex")}`,
  port: await freePort(),
  subnet: `10.213.${randomInt(256)}`,
}));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
