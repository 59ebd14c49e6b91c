import { engineContract } from "../contract/engine.ts";
import { createFakeEngine } from "../fakes/engine.ts";

const images = {
  base: "base:1",
  exits: "exits:1",
  health: "health:1",
  stubborn: "stubborn:1",
  user: "user:1",
  volume: "volume:1",
};

engineContract("the engine in memory", async () => {
  const engine = createFakeEngine({ pathExists: (path) => path !== "/does/not/exist" });
  engine.addImage(images.base, {
    files: {
      "/etc/passwd": "app:x:1000:1001::/:/bin/sh\n",
      "/etc/group-link": "app:x:1001:\n",
    },
    // Its program hears SIGTERM from the beginning, which is what is grepped for.
    exec: ({ argv }, input) =>
      argv[0] === "grep" ? { code: 0 } : { code: 7, stdout: input, stderr: "oops\n" },
  });
  engine.addImage(images.exits, { exits: { code: 3 }, log: "bye\n" });
  engine.addImage(images.health, { detail: { healthcheckIntervalMs: 1000 } });
  engine.addImage(images.stubborn, { ignoresSigterm: true });
  engine.addImage(images.user, { detail: { user: "app" } });
  engine.addImage(images.volume, { detail: { volumes: ["/data"] } });
  return { engine, images, project: "contract", port: 18080, subnet: "10.213.7" };
});
