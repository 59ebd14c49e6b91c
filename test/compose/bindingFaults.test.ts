import { describe, expect, test } from "vitest";
import { findBindings, type BindingRules } from "../../src/compose/bindings/bindings.ts";
import { faultsOf, tell } from "../fakes/faults.ts";
import { projectOf } from "../fakes/project.ts";

const rules: BindingRules = {
  providers: new Map([
    ["local", {}],
    ["vault", {}],
  ]),
  defaults: { provider: "local", env: "auto" },
};

async function refusals(compose: string, using = rules): Promise<readonly string[]> {
  const project = await projectOf(compose);
  return (await faultsOf(() => findBindings(project, using))).map(tell);
}

/** A service with this text at `    ` of its body. */
const service = (body: string, rest = "") => `services:
  web:
    image: app
${body.replaceAll(/^/gm, "    ")}
${rest}`;

const PLACES =
  "Put it in environment:, in secrets: (external: true, name: dso://…) or in content: of configs:.";
const TARGETS =
  "Give one of them another target: ?target=… on a dsofile:// reference, target: on a secret or config.";

describe("a reference in a wrong place", () => {
  test.each([
    ["command: [run, --password=dso://db#pw]", "4:20", "db#pw", "command[1]", PLACES],
    ["entrypoint: [-v, '/dso:/x', dso://db]", "4:33", "db", "entrypoint[2]", PLACES],
    ["container_name: dso://db", "4:21", "db", "container_name", PLACES],
    ["hostname: dso://db", "4:15", "db", "hostname", PLACES],
    ["labels: { a.b: 'x dso://db y' }", "4:20", "db", "labels.a.b", PLACES],
    ["healthcheck: { test: [CMD, dso://db] }", "4:32", "db", "healthcheck.test[1]", PLACES],
    [
      "build: { context: ., args: { TOKEN: dso://db } }",
      "4:41",
      "db",
      "build.args.TOKEN",
      "What a build is given stays in the image: deliver it to the container, in environment: or as a file.",
    ],
  ])("%s", async (body, place, reference, where, hint) => {
    expect(await refusals(service(body))).toEqual([
      `reference-invalid ${place} reference "dso://${reference}" stands in services.web.${where}, where none is read | ${hint}`,
    ]);
  });

  test("image", async () => {
    expect(await refusals("services:\n  web:\n    image: dso://app")).toEqual([
      `reference-invalid 3:12 reference "dso://app" stands in services.web.image, where none is read | ${PLACES}`,
    ]);
  });

  test("a list of variables without a name", async () => {
    expect(await refusals(service("environment:\n  - dso://db#password"))).toEqual([
      'reference-invalid 5:9 reference "dso://db#password" stands as a name in services.web.environment, where none is read | Name the variable: NAME=dso://db#password.',
    ]);
  });

  test("a secret that is not external, and a volume's options", async () => {
    const rest = `secrets:
  db: { file: dso://db }
volumes:
  data: { driver_opts: { o: dso://x } }
`;
    const body = "secrets: [db]\nvolumes: ['data:/data']";
    expect((await refusals(service(body, rest))).map((line) => line.split(" | ")[1])).toEqual([
      PLACES,
      "Write external: true and name: dso://db.",
    ]);
  });
});

describe("a reference that is no good", () => {
  const environment = (value: string) => service(`environment:\n  URL: "${value}"`);

  test.each([
    [
      "postgres://app:dso://db#password@db/shop",
      'reference-invalid 5:12 reference "dso://db#password" stands bare inside a longer value | Embed it with double braces: {{dso://db#password}}.',
    ],
    [
      "vualt:x dso://a",
      'reference-invalid 5:12 reference "dso://a" stands bare inside a longer value | Embed it with double braces: {{dso://a}}.',
    ],
    [
      "x{{dsofile://db}}",
      'reference-invalid 5:12 reference "dsofile://db" stands inside a longer value, but dsofile:// becomes a path of its own | Embed {{dso://…}}, or let the variable hold nothing but the dsofile:// reference.',
    ],
    [
      "dso://",
      'reference-invalid 5:12 reference "dso://" names no secret | Write dso://path, for example dso://db/password.',
    ],
    [
      "dso://loacl:db",
      'provider-unknown 5:12 reference "dso://loacl:db": no provider is named "loacl" (configured: local, vault) | Did you mean "local"?',
    ],
  ])("%s", async (value, told) => {
    expect(await refusals(environment(value))).toEqual([told]);
  });

  test("everything is told at once, in one error", async () => {
    const found = await refusals(
      service("labels: { a: 'dso://l' }\nenvironment: { A: 'dso://', B: 'dso://nope:b' }"),
    );
    expect(found.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "reference-invalid 4:18",
      "reference-invalid 5:23",
      "provider-unknown 5:36",
    ]);
  });
});

describe("secrets and configs that cannot be delivered", () => {
  test.each([
    [
      "secrets: [db]",
      "secrets:\n  db: { external: true }",
      'compose-unsupported 7:3 secret "db" is external, but its name is no reference | Write name: dso://path#key next to external: true.',
    ],
    [
      "secrets: [db]",
      'secrets:\n  db: { external: true, name: "{{dso://a}}-x" }',
      'compose-unsupported 7:31 secret "db" must be named by one dso:// reference and nothing else | Write name: dso://path#key next to external: true.',
    ],
    [
      "configs: [app]",
      "configs:\n  app: { external: true }",
      'compose-unsupported 7:20 config "app" is external | Write its text as content:, with {{dso://…}} where a secret belongs.',
    ],
    [
      "configs: [app]",
      "configs:\n  app: { content: 'a = dso://b' }",
      'reference-invalid 7:19 reference "dso://b" stands bare inside a longer value | Embed it with double braces: {{dso://b}}.',
    ],
    [
      "secrets: [{ source: db, uid: app }]",
      'secrets:\n  db: { external: true, name: "dso://a" }',
      'compose-invalid 4:15 secret "db" has the uid "app" | Write a number, such as 1000.',
    ],
    [
      "secrets: [{ source: db, mode: 04755 }]",
      'secrets:\n  db: { external: true, name: "dso://a" }',
      'compose-invalid 4:15 secret "db" has the mode "04755" | Write permission bits in octal, such as 0440.',
    ],
  ])("%s %s", async (body, rest, told) => {
    expect(await refusals(service(body, `\n${rest}`))).toEqual([told]);
  });
});

test("a secret that several services use is told once", async () => {
  const both = `services:
  a: { image: app, secrets: [db] }
  b: { image: app, secrets: [db] }
secrets:
  db: { external: true, name: "dso://" }
`;
  expect(await refusals(both)).toEqual([
    'reference-invalid 5:31 reference "dso://" names no secret | Write dso://path, for example dso://db/password.',
  ]);
});

describe("two files at one place", () => {
  test.each([
    ["environment: { A: 'dsofile://a?target=x', B: 'dsofile://b?target=x' }", "A", "B", "x"],
    ["environment: { A: 'dsofile://a', B: 'dsofile://a?mode=0400' }", "A", "B", "a"],
    ["environment: { A: 'dsofile://a', B: 'dsofile://local:a' }", "A", "B", "a"],
    ["environment: { A: 'dsofile://a?version=1', B: 'dsofile://a?version=2' }", "A", "B", "a"],
  ])("%s", async (body, one, other, target) => {
    expect((await refusals(service(body)))[0]).toContain(
      `service "web": both variable ${one} and variable ${other} want /run/secrets/${target} | ${TARGETS}`,
    );
  });

  test("a variable and a secret", async () => {
    const rest = "secrets:\n  db: { file: /srv/db }";
    expect(
      await refusals(service("environment: { A: 'dsofile://db' }\nsecrets: [db]", rest)),
    ).toEqual([
      `reference-invalid 5:15 service "web": both variable A and secret "db" want /run/secrets/db | ${TARGETS}`,
    ]);
  });

  test("a file and a directory", async () => {
    expect(
      await refusals(service("environment: { A: 'dsofile://db', B: 'dsofile://db/x#y' }")),
    ).toEqual([
      `reference-invalid 4:42 service "web": variable A wants /run/secrets/db as a file, but variable B wants /run/secrets/db/x/y below it | ${TARGETS}`,
    ]);
  });

  test("the directory of the secrets itself, and names that are reserved in it", async () => {
    expect(
      await refusals(service("environment: { A: 'dsofile://a?target=/run/secrets' }")),
    ).toEqual([
      `reference-invalid 4:23 service "web": variable A wants /run/secrets as a file, but it is a directory | ${TARGETS}`,
    ]);
    expect(await refusals(service("environment: { B: 'dsofile://..b' }"))).toEqual([
      `reference-invalid 4:23 service "web": variable B wants /run/secrets/..b, but names that begin with ".." are reserved there | ${TARGETS}`,
    ]);
  });

  test.each([
    ["volumes: ['/srv/x:/run/secrets/more']", "4:15", "/run/secrets/more"],
    ["volumes: ['/srv/x:/run/secrets']", "4:15", "/run/secrets"],
    ["tmpfs: ['/run/secrets:size=1m']", "4:13", "/run/secrets"],
  ])("a mount where our directory lies: %s", async (body, place, mount) => {
    expect(await refusals(service(`${body}\nenvironment: { A: 'dsofile://a' }`))).toEqual([
      `compose-invalid ${place} service "web": a volume is mounted at ${mount}, where the secrets of the service must lie | Mount the volume somewhere else.`,
    ]);
  });

  test("a mount over a file of ours elsewhere", async () => {
    const body = "volumes: ['/srv/x:/etc/a']\nenvironment: { A: 'dsofile://a?target=/etc/a' }";
    expect(await refusals(service(body))).toEqual([
      'compose-invalid 4:15 service "web": a volume is mounted at /etc/a, where variable A must lie | Mount the volume somewhere else.',
    ]);
  });
});
