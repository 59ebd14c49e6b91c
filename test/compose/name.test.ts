import path from "node:path";
import { expect, test } from "vitest";
import { directory } from "./directory.ts";

const asked = { files: ["-"], stdin: "services: { web: { image: nginx } }" };

test("a project that comes from standard input has the name of its directory", async () => {
  await using shop = await directory({ "de-ep/x": "" });
  expect((await shop.load(asked)).name).toBe("shop");
  const below = await shop.load({ ...asked, projectDirectory: path.join(shop.root, "de-ep") });
  expect(below.name).toBe("de-ep");
});

test("also of one that is not there", async () => {
  await using shop = await directory({});
  const away = await shop.load({ ...asked, projectDirectory: "/nowhere/At Night" });
  expect(away.name).toBe("atnight");
});
