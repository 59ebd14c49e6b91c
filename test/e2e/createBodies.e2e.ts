/** What we ask an engine to make of every field, and what Docker Compose asks it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHome, type Home } from "./cli.ts";
import { COMBINED, FORMS, NETWORKS, NEW_FORMS, VOLUMES } from "./composeForms.ts";
import { madeByCompose, madeByUs, writeProject, type Made } from "./creations.ts";

let home: Home;

beforeAll(async () => {
  home = await createHome();
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

type Case = readonly [field: string, services: ReadonlyMap<string, unknown>];

/** The services of one field, by names that nothing else has. */
function casesOf(
  forms: Readonly<Record<string, readonly unknown[]>>,
  label: string,
): readonly Case[] {
  return Object.entries(forms).map(([field, values]) => [
    field,
    new Map(
      values.map((value, index) => [
        `${label}-${field.replaceAll("_", "-")}-${index}`,
        { image: "x", ...(field === "together" ? (value as object) : { [field]: value }) },
      ]),
    ),
  ]);
}

function projectWith(cases: readonly Case[]): unknown {
  const services = cases.flatMap(([, all]) => [...all]);
  const everywhere = Object.keys(NETWORKS);
  return {
    services: {
      b: {
        image: "x",
        networks: everywhere,
        volumes: Object.keys(VOLUMES).map((key) => `${key}:/${key}`),
      },
      two: { image: "x", scale: 2 },
      special: { image: "x", container_name: "quite-special" },
      ...Object.fromEntries(services),
    },
    networks: NETWORKS,
    volumes: VOLUMES,
    secrets: { file: { file: "./certificate.pem" } },
    configs: { file: { file: "./vars.env" } },
  };
}

const OLD = [...casesOf(FORMS, "form"), ...casesOf(COMBINED, "form")];
const NEW = [...OLD, ...casesOf(NEW_FORMS, "new")];

describe.each([
  ["1.41", OLD],
  ["1.51", NEW],
])("an engine of API %s is asked for what Compose asks it for", (api, cases) => {
  let theirs: Made;
  let ours: Made;

  beforeAll(async () => {
    const dir = await writeProject(home, projectWith(cases));
    [theirs, ours] = await Promise.all([madeByCompose(home, dir, api), madeByUs(home, dir, api)]);
  });

  it.each(cases)("%s", (field, services) => {
    const containers = ({ containers }: Made) =>
      Object.fromEntries([...containers].filter(([name]) => ownerOf(name, services) !== undefined));
    const wanted = containers(theirs);
    const made = new Set(Object.keys(wanted).map((name) => ownerOf(name, services)));
    expect(services.size - made.size).toBe(field === "scale" ? 1 : 0);
    expect(containers(ours)).toEqual(wanted);
  });

  it("networks", () => {
    expect(theirs.networks.size).toBe(Object.keys(NETWORKS).length + 1);
    expect(ours.networks).toEqual(theirs.networks);
  });

  it("volumes", () => {
    expect(theirs.volumes.size).toBe(Object.keys(VOLUMES).length);
    expect(ours.volumes).toEqual(theirs.volumes);
  });
});

function ownerOf(container: string, services: ReadonlyMap<string, unknown>): string | undefined {
  if (container === "chosen")
    return [...services.keys()].find((name) => name === "form-together-1");
  const service = /^made-(.*)-\d+$/.exec(container)?.[1] ?? "";
  return services.has(service) ? service : undefined;
}
