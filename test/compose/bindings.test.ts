import { describe, expect, test } from "vitest";
import { environmentAfterDelivery, findBindings } from "../../src/compose/bindings/bindings.ts";
import type { FileDelivery, Template } from "../../src/model/desired.ts";
import { valueName } from "../../src/model/reference.ts";
import { projectOf } from "../fakes/project.ts";

const rules = {
  providers: new Map([
    ["local", {}],
    ["vault", {}],
  ]),
  defaults: { provider: "local", env: "auto" as const },
};

async function bind(compose: string, service = "web") {
  const project = await projectOf(compose);
  const found = findBindings(project, rules).get(service);
  if (found === undefined) throw new Error(`no service ${service}`);
  return { ...found, model: project.services.get(service)! };
}

function show(template: Template): string {
  return template
    .map((part) => (typeof part === "string" ? part : `<${valueName(part)}>`))
    .join("");
}

function showFile({ target, content, inDirectory, mode, uid, gid }: FileDelivery): string {
  const what =
    content.kind === "template"
      ? show(content.template)
      : content.kind === "host-file"
        ? `file ${content.path}`
        : `variable ${content.variable}`;
  const owner = uid === undefined && gid === undefined ? "" : ` ${uid ?? ""}:${gid ?? ""}`;
  const bits = mode === undefined ? "" : ` ${mode.toString(8)}`;
  return `${target}${inDirectory ? "" : " (bind)"} = ${what}${bits}${owner}`;
}

describe("environment", () => {
  test("a whole reference is a binding, sorted by name, at the line of the variable", async () => {
    const { bindings, files } = await bind(`
services:
  web:
    image: app
    environment:
      LOG: debug
      TOKEN: dso://api#token
      API_KEY: dso://api#key
`);
    expect(bindings.map(({ place, template, grade }) => [place, show(template), grade])).toEqual([
      [{ kind: "environment", name: "API_KEY" }, "<local:api#key>", "sealed"],
      [{ kind: "environment", name: "TOKEN" }, "<local:api#token>", "sealed"],
    ]);
    expect(bindings.map(({ position }) => position?.line)).toEqual([8, 7]);
    expect(files).toEqual([]);
  });

  test.each([
    ["auto", undefined, "sealed"],
    ["exposed", undefined, "exposed"],
    ["sealed", "exposed", "exposed"],
    ["exposed", "auto", "sealed"],
  ] as const)(
    "is graded by what the service says, else the configuration: %s, %s",
    async (env, own, grade) => {
      const policy = own === undefined ? "" : `x-dso: { env: ${own} }`;
      const text = `services: { web: { image: app, environment: { A: "dso://a" }, ${policy} } }`;
      const found = findBindings(await projectOf(text), {
        ...rules,
        defaults: { provider: "local", env },
      });
      expect(found.get("web")?.bindings.map((binding) => binding.grade)).toEqual([grade]);
    },
  );

  test("braces embed references in a longer value", async () => {
    const { bindings } = await bind(`
services:
  web:
    image: app
    environment:
      - URL=postgres://app:{{dso://db#password}}@db/{{dso://db#name}}?a={b}
`);
    expect(bindings.map(({ template }) => show(template))).toEqual([
      "postgres://app:<local:db#password>@db/<local:db#name>?a={b}",
    ]);
  });

  test("a reference that a variable brings is found as well", async () => {
    const project = await projectOf(
      "services: { web: { image: app, environment: { TOKEN: '${TOKEN}' } } }",
      { TOKEN: "dso://api#token" },
    );
    expect(findBindings(project, rules).get("web")?.bindings.length).toBe(1);
  });

  test("dsofile:// becomes a file and the variable its path", async () => {
    const { bindings, files, model } = await bind(`
services:
  web:
    image: app
    environment:
      PASSWORD_FILE: dsofile://db/password?mode=0440&uid=70&gid=71
      KEY_FILE: dsofile://local:tls#key
      CERT_FILE: dsofile://tls?target=/etc/ssl/cert.pem#cert
      SHORT_FILE: dsofile://short?target=name
      LOG: debug
      INHERITED:
      TOKEN: dso://api#token
`);
    expect(files.map(showFile)).toEqual([
      "/etc/ssl/cert.pem (bind) = <local:tls#cert>",
      "/run/secrets/db/password = <local:db/password> 440 70:71",
      "/run/secrets/name = <local:short>",
      "/run/secrets/tls/key = <local:tls#key>",
    ]);
    expect(bindings.map(({ place, grade }) => [place.kind, grade])).toEqual([
      ["environment", "sealed"],
      ["file", "file"],
      ["file", "file"],
      ["file", "file"],
      ["file", "file"],
    ]);
    expect(environmentAfterDelivery(model, files)).toEqual({
      PASSWORD_FILE: "/run/secrets/db/password",
      KEY_FILE: "/run/secrets/tls/key",
      CERT_FILE: "/etc/ssl/cert.pem",
      SHORT_FILE: "/run/secrets/name",
      LOG: "debug",
      INHERITED: null,
      TOKEN: "dso://api#token",
    });
  });
});

describe("secrets and configs", () => {
  test("an external secret that is named by a reference lies where Compose would put it", async () => {
    const { bindings, files } = await bind(`
services:
  web:
    image: app
    secrets:
      - db
      - { source: db, target: /etc/pw, uid: "70", mode: 0400 }
      - { source: db, target: sub/pw }
secrets:
  db: { external: true, name: "dso://db#password" }
`);
    expect(files.map(showFile)).toEqual([
      "/etc/pw (bind) = <local:db#password> 400 70:",
      "/run/secrets/db = <local:db#password>",
      "/run/secrets/sub/pw = <local:db#password>",
    ]);
    expect(bindings.map(({ place }) => place)).toEqual(
      files.map(({ target }) => ({ kind: "file", target })),
    );
    expect(bindings[0]?.position).toMatchObject({ line: 7 });
  });

  test("content of a config is a file made of several secrets", async () => {
    const { files, bindings } = await bind(`
services:
  web:
    image: app
    configs:
      - app
      - { source: app, target: /etc/app.ini, mode: 0440 }
configs:
  app:
    content: |
      user={{dso://db#user}}
      password={{dso://db#password}}
`);
    const text = "user=<local:db#user>\npassword=<local:db#password>\n";
    expect(files.map(showFile)).toEqual([
      `/app (bind) = ${text}`,
      `/etc/app.ini (bind) = ${text} 440`,
    ]);
    expect(bindings.length).toBe(2);
  });

  test("what Compose would copy onto the container's disk is delivered too", async () => {
    const { files, bindings } = await bind(`
services:
  web:
    image: app
    secrets: [from-variable]
    configs: [plain]
secrets:
  from-variable: { environment: TOKEN }
configs:
  plain: { content: "a = 1" }
`);
    expect(files.map(showFile)).toEqual([
      "/plain (bind) = a = 1",
      "/run/secrets/from-variable = variable TOKEN",
    ]);
    expect(bindings).toEqual([]);
  });

  const companions = (environment: string) => `
services:
  web:
    image: app
    environment: ${environment}
    secrets: [own]
    configs: [outside, { source: outside, target: /run/secrets/inside }]
secrets:
  own: { file: /srv/own }
configs:
  outside: { file: /srv/outside }
`;

  test("a service with one file of ours gets all its secrets from us", async () => {
    const { files } = await bind(companions("{ A_FILE: 'dsofile://a' }"));
    expect(files.map(showFile)).toEqual([
      "/run/secrets/a = <local:a>",
      "/run/secrets/inside = file /srv/outside",
      "/run/secrets/own = file /srv/own",
    ]);
  });

  test("a service with none keeps its file secrets as Compose mounts them", async () => {
    const { files, bindings } = await bind(companions("{ A: 'dso://a' }"));
    expect(files).toEqual([]);
    expect(bindings.length).toBe(1);
  });

  test.each(["mode: 0440", "uid: '7'", "gid: '7'"])(
    "a file that is to have its own %s is delivered, and the other secrets with it",
    async (field) => {
      const compose = companions("{ A: b }").replace(
        "source: outside,",
        `source: outside, ${field},`,
      );
      const { files } = await bind(compose);
      const owned = field.startsWith("mode") ? "440" : field.startsWith("uid") ? "7:" : ":7";
      expect(files.map(showFile)).toEqual([
        `/run/secrets/inside = file /srv/outside ${owned}`,
        "/run/secrets/own = file /srv/own",
      ]);
    },
  );

  test("a config that is to have its own mode is delivered wherever it lies", async () => {
    const compose = companions("{ A: b }")
      .replace("[own]", "[]")
      .replace("/run/secrets/inside", "/etc/app.ini, mode: 0400");
    const { files } = await bind(compose);
    expect(files.map(showFile)).toEqual(["/etc/app.ini (bind) = file /srv/outside 400"]);
  });

  test("one file that is wanted twice in the same way is delivered once", async () => {
    const { files, model } = await bind(`
services:
  web:
    image: app
    environment:
      A_FILE: dsofile://db
      B_FILE: dsofile://db
    secrets: [db]
secrets:
  db: { external: true, name: "dso://local:db" }
`);
    expect(files.map(showFile)).toEqual(["/run/secrets/db = <local:db>"]);
    expect(environmentAfterDelivery(model, files)).toEqual({
      A_FILE: "/run/secrets/db",
      B_FILE: "/run/secrets/db",
    });
  });
});
