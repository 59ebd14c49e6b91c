import { expect, test } from "vitest";
import { pinImages } from "../../src/compose/output/digests.ts";
import type { LoadedProject } from "../../src/compose/project.ts";

async function pinned(...images: readonly string[]) {
  const asked: string[] = [];
  const services = new Map(images.map((image, at) => [`s${at}`, { image }]));
  const project = { services } as Partial<LoadedProject> as LoadedProject;
  const result = await pinImages(project, (image) => {
    asked.push(image);
    return Promise.resolve("sha256:f00");
  });
  return { asked, images: [...result.services.values()].map(({ image }) => image) };
}

test.each([
  ["app", "docker.io/library/app:latest@sha256:f00"],
  ["team/app:1", "docker.io/team/app:1@sha256:f00"],
  ["docker.io/app", "docker.io/library/app:latest@sha256:f00"],
  ["index.docker.io/team/app", "docker.io/team/app:latest@sha256:f00"],
  ["localhost/app", "localhost/app:latest@sha256:f00"],
  ["reg.example:5000/a/b:2", "reg.example:5000/a/b:2@sha256:f00"],
  ["reg.example:5000/a", "reg.example:5000/a:latest@sha256:f00"],
])("%s is pinned as %s", async (image, full) => {
  expect((await pinned(image)).images).toEqual([full]);
});

test("a digest that is there stays, and nobody is asked", async () => {
  expect(await pinned("reg.example/a:1@sha256:abc")).toEqual({
    asked: [],
    images: ["reg.example/a@sha256:abc"],
  });
});

test("each image is asked for once", async () => {
  expect((await pinned("a:1", "b", "a:1")).asked).toEqual([
    "docker.io/library/a:1",
    "docker.io/library/b:latest",
  ]);
});
