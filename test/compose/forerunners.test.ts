/** What the containers of `pre_start` have of their service. */
import { expect, test } from "vitest";
import { directory } from "./directory.ts";

const COMPOSE = `
services:
  web:
    image: x
    command: [serve]
    user: u
    env_file: web.env
    environment: { OVER: env, K: v }
    labels: { a: b }
    group_add: [one]
    networks: { back: {} }
    volumes: [d:/d]
    ports: ["80"]
    restart: always
    pre_start:
      - image: busybox
      - { command: [m], env_file: own.env, environment: [K=own], labels: [c=d], group_add: [one, two] }
networks: { back: {} }
volumes: { d: {} }
`;

test("is all that a container is, but for its volumes, below what they say themselves", async () => {
  await using shop = await directory({
    "compose.yaml": COMPOSE,
    "web.env": "FROM_FILE=1\nOVER=file\n",
    "own.env": "OWN=1\n",
  });
  const { services } = await shop.load();
  expect(services.get("web")?.pre_start).toEqual([
    {
      ...{ image: "busybox", command: ["serve"], user: "u", group_add: ["one"] },
      environment: { FROM_FILE: "1", OVER: "env", K: "v" },
      labels: { a: "b" },
      networks: { back: {} },
      entrypoint: null,
    },
    {
      ...{ image: "x", command: ["m"], user: "u", group_add: ["one", "two"] },
      environment: { FROM_FILE: "1", OVER: "env", K: "own", OWN: "1" },
      labels: { a: "b", c: "d" },
      networks: { back: {} },
      entrypoint: null,
    },
  ]);
});

test.each(["ports: ['80']", "restart: always", "build: .", "depends_on: [a]", "pre_start: []"])(
  "they have no %s",
  async (field) => {
    const compose = `services:\n  web:\n    image: x\n    pre_start:\n      - ${field}\n`;
    await using shop = await directory({ "compose.yaml": compose });
    const fault = await shop.fault();
    expect(fault.code).toBe("compose-invalid");
    expect(fault.position?.line).toBe(5);
  },
);
