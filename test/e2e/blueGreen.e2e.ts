/**
 * Replacing a service that can run twice, on the real engine, while somebody asks it 200 times a
 * second; the program ends at once on SIGTERM. `DSO_ROTATIONS=10` makes each loop longer.
 */
import { expect, test } from "vitest";
import { createHome } from "./cli.ts";
import {
  type App,
  composeOf,
  expectNoneOfTheOld,
  rotateThrough,
  startApp,
  startCrowd,
  underLoad,
} from "./underLoad.ts";

const ROTATIONS = Number(process.env["DSO_ROTATIONS"] ?? 2);
const LONG = 60_000 + ROTATIONS * 60_000;
/** On a busy machine, too, it takes all that wait for it at once. */
const NODE = { program: "node" } as const;
const THREE = { ...NODE, more: ["deploy: { replicas: 3 }"] };

interface Case {
  readonly what: string;
  readonly name: string;
  readonly app?: App;
  readonly replicas?: number;
  /** Others start on the same network all the while: none of them may get an address that serves. */
  readonly crowded?: boolean;
}

test.each<Case>([
  { what: "boots at once, asked by the service's name", name: "web" },
  { what: "boots in 2 s, asked by another alias", name: "shop", app: { ...NODE, boot: 2 } },
  { what: "boots at once, asked by the container's name", name: "its own" },
  { what: "three replicas", name: "web", app: THREE, replicas: 3 },
  { what: "others start meanwhile", name: "web", crowded: true },
])(
  "no request fails: $what",
  async ({ name, app = NODE, replicas = 1, crowded = false }) => {
    await using home = await createHome();
    const project = await startApp(home, await composeOf(app));
    const asked = name === "its own" ? `${project.name}-web-1` : name;
    const versions = Array.from({ length: ROTATIONS }, (_, index) => `v${index + 1}`);
    let replaced = new Map<string, number>() as ReadonlyMap<string, number>;
    const loop = await underLoad(home, project, { name: asked }, async () => {
      const crowd = crowded ? startCrowd(home, project) : undefined;
      replaced = await rotateThrough(home, versions);
      await crowd?.leave(4);
    });
    expect(loop.failed).toEqual({});
    expectNoneOfTheOld(loop, replaced);
    const web = Array.from({ length: replicas }, (_, index) => `${project.name}-web-${index + 1}`);
    expect((await project.containers()).map((line) => line.split(" ")[0])).toEqual([
      `${project.name}-client-1`,
      ...web,
    ]);
    expect((await project.dso("plan -detailed-exitcode")).stdout).toContain("No changes");
  },
  LONG,
);

test("a version that does not get healthy leaves the old one serving, and says what it said", async () => {
  await using home = await createHome();
  const text = await composeOf();
  const project = await startApp(home, text);
  const before = await project.containers();
  const broken = text.replace("exec /bin/serve", "echo cannot start >&2; exit 3");
  let said = "";
  const loop = await underLoad(home, project, { name: "web", perSecond: 100 }, async () => {
    await project.write("compose.yaml", broken);
    const { stdout, stderr } = await project.dso("apply -auto-approve", { status: 1 });
    said = stdout + stderr;
  });
  expect(loop.failed).toEqual({});
  expect(loop.heard).toEqual({ v0: loop.sent });
  expect(said).toContain("cannot start");
  expect(said).toContain("Service web runs as before");
  expect(await project.containers()).toEqual(before);
});
