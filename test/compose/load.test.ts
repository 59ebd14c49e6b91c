import { execFileSync, spawn } from "node:child_process";
import { symlink, truncate, writeFile } from "node:fs/promises";
import { once } from "node:events";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { directory } from "./directory.ts";

const WEB = "services:\n  web:\n    image: nginx\n";

describe("files", () => {
  test("are found above the current directory, with their override", async () => {
    await using shop = await directory({
      "compose.yaml": WEB,
      "compose.override.yaml": "services: {web: {image: nginx:2}}",
      "deep/er/x": "",
    });
    const project = await shop.load({ cwd: path.join(shop.root, "deep/er") });
    expect(project.files.map((file) => path.relative(shop.root, file))).toEqual([
      "compose.yaml",
      "compose.override.yaml",
    ]);
    expect(project.workingDir).toBe(shop.root);
    expect(project.name).toBe("shop");
    expect(project.services.get("web")?.image).toBe("nginx:2");
  });

  test("one that is not there is named, and what to do", async () => {
    await using shop = await directory({});
    const error = await shop.fault({ files: ["nope.yaml"] });
    expect(error).toMatchObject({ code: "compose-invalid" });
    expect(error.message).toContain(`${shop.root}/nope.yaml does not exist`);
    expect(error.hint).toBeDefined();
    const none = await shop.fault({ cwd: "/proc/self" });
    expect(none.message).toContain("no compose file");
  });

  test("a link that leads in circles is an error of its own words", async () => {
    await using shop = await directory({});
    await symlink("compose.yaml", path.join(shop.root, "compose.yaml"));
    expect((await shop.fault()).message).toContain("symbolic links");
    await symlink("loop.yaml", path.join(shop.root, "loop.yaml"));
    expect((await shop.fault({ files: ["loop.yaml"] })).message).toContain("symbolic links");
  });

  test("standard input counts as one", async () => {
    await using shop = await directory({});
    const project = await shop.load({ files: ["-"], stdin: WEB });
    expect([...project.services.keys()]).toEqual(["web"]);
    const error = await shop.fault({ files: ["-"], stdin: "services: {web: {imag: x}}" });
    expect(error.position).toEqual({ file: "standard input", line: 1, column: 18 });
  });

  test("the environment wins over .env, which wins over defaults", async () => {
    await using shop = await directory({
      "compose.yaml": "services: {web: {image: '${NAME:-x}:${TAG:-y}'}}",
      ".env": "NAME=fromfile\nTAG=fromfile",
    });
    const project = await shop.load({ env: { TAG: "outside" } });
    expect(project.services.get("web")?.image).toBe("fromfile:outside");
  });

  test("a pipe is read to its end, and one that nobody writes to holds nobody", async () => {
    await using shop = await directory({});
    const pipe = path.join(shop.root, "pipe");
    execFileSync("mkfifo", [pipe]);
    const { loadProject } = await import("../../src/compose/load.ts");
    const options = { cwd: shop.root, files: [pipe], env: {}, home: "/" };
    await expect(loadProject(options, AbortSignal.timeout(200))).rejects.toThrow("timeout");
    // Its writer has it open, and writes once we have, too: what nobody reads would be gone with it.
    const until = `until readlink /proc/${process.pid}/fd/* | grep -qxF "$1"; do sleep 0.1; done`;
    const script = `exec 3<>"$1"; echo; ${until}; printf "%s" "$2" >&3`;
    const writer = spawn("sh", ["-c", script, "sh", pipe, WEB]);
    await once(writer.stdout, "data");
    expect([...(await shop.load({ files: [pipe] })).services.keys()]).toEqual(["web"]);
  });

  test("what has no end is refused, and /dev/null is no variable file", async () => {
    await using shop = await directory({ "compose.yaml": WEB });
    expect((await shop.fault({ files: ["/dev/zero"] })).message).toContain("more than 16 MiB");
    await truncate(path.join(shop.root, "compose.yaml"), 17 * 1024 * 1024);
    expect((await shop.fault()).message).toContain("more than 16 MiB");
    await writeFile(path.join(shop.root, "compose.yaml"), WEB);
    expect((await shop.load({ environmentFiles: ["/dev/null"] })).services.size).toBe(1);
  });

  test("what is not UTF-8 is refused with its line, wherever it stands", async () => {
    const latin = (text: string) => Buffer.from(text, "latin1");
    await using shop = await directory({ "compose.yaml": WEB });
    const file = (name: string) => path.join(shop.root, name);
    await writeFile(file(".env"), latin("A=1\nB=f\xfcr"));
    expect(await shop.fault()).toMatchObject({
      message: "the variable file: line 2 is not valid UTF-8",
      position: { file: file(".env"), line: 2 },
    });
    await writeFile(file(".env"), "");
    await writeFile(file("compose.yaml"), latin(`${WEB}    hostname: f\xfcr\n`));
    expect(await shop.fault()).toMatchObject({
      message: "the compose file: line 4 is not valid UTF-8",
      position: { file: file("compose.yaml"), line: 4 },
    });
    await writeFile(file("compose.yaml"), `${WEB}    hostname: !!binary ZvxyCg==\n`);
    expect((await shop.fault()).position).toMatchObject({ line: 4, column: 24 });
  });

  test("a variable that every object seems to have is not set", async () => {
    await using shop = await directory({
      "compose.yaml": "services: {web: {image: 'a${constructor}b', environment: [toString]}}",
      ".env": "OTHER=${valueOf}",
    });
    const web = (await shop.load()).services.get("web");
    expect(web?.image).toBe("ab");
    expect(web?.environment).toEqual({ toString: null });
  });

  test("loading stops when it is told to", async () => {
    await using shop = await directory({ "compose.yaml": WEB });
    const { loadProject } = await import("../../src/compose/load.ts");
    const options = { cwd: shop.root, env: {}, home: "/" };
    await expect(loadProject(options, AbortSignal.abort(new Error("stop")))).rejects.toThrow(
      "stop",
    );
  });
});

describe("errors say where", () => {
  test.each([
    ["services:\n  web:\n    image: x\n    imagee: y", 4, 5, 'unknown key "imagee"'],
    ["services:\n  web:\n    image: x\n    ports: 80", 4, 12, "web.ports: expected a list"],
    ["services:\n  web:\n    image: x\n    environment:\n      A: [1]", 5, 7, "environment.A"],
    ["services:\n  web:\n    image: '${X:?set X}'", 3, 12, "X is required: set X"],
    ["services:\n  web:\n    image: '${X'", 3, 12, "not a valid variable"],
    ["services:\n  web: {image: x, tty: maybe}", 2, 24, "expected true or false"],
    ["services:\n  web: {image: x, mem_limit: 5z}", 2, 30, "mem_limit"],
    ["services:\n  web: {image: x, ports: ['a:b']}", 2, 27, "no port"],
    ["services:\n  web: {image: x, networks: [n]}", 2, 30, "network n"],
    ["services:\n  web: {image: x}\n  web: {image: y}", 3, 3, "stands twice"],
    ["services:\n  web: {image: *a}", 2, 16, "unknown anchor"],
    ["services:\n  web: {image: x\n  db: y", 2, 16, ""],
    ["services:\n  web: {image: x, models: [db]}\nmodels:\n  db: {model: y}", 2, 19, "models"],
    ["services:\n  web: {image: x, hostname: 2020-01-01}", 2, 29, "expected text"],
    [
      "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}",
      3,
      30,
      "a -> b -> a",
    ],
    ["services:\n  web: {command: x}", 2, 3, "neither image nor build"],
    ["services:\n  web: {image: x, scale: 99999999999}", 2, 26, "9999 or less"],
    ["services:\n  web: {image: x, deploy: {replicas: 99999999999999999999}}", 2, 38, "9999"],
    ['services:\n  web: {image: x, environment: {A: "a\\0b"}}', 2, 36, "NUL byte"],
    ['services:\n  web: {image: x, labels: ["a\\x00=b"]}', 2, 28, "NUL byte"],
    ['services:\n  web: {image: x, labels: {"a\\0": b}}', 2, 28, "NUL byte"],
    ["services:\n  web: {image: x, command: [!!binary YQBi]}", 2, 38, "NUL byte"],
  ])("%j", async (compose, line, column, message) => {
    await using shop = await directory({ "compose.yaml": compose });
    const error = await shop.fault();
    expect(error.message).toContain(message);
    expect(error.position).toEqual({ file: path.join(shop.root, "compose.yaml"), line, column });
  });

  test.each(["env_file: no.env", "env_file: [{path: no.env}]", "label_file: [no.env]"])(
    "where a file is named that is not there: %s",
    async (field) => {
      await using shop = await directory({ "compose.yaml": `${WEB}    ${field}\n` });
      const error = await shop.fault();
      expect(error.message).toContain(`${shop.root}/no.env does not exist`);
      const file = path.join(shop.root, "compose.yaml");
      expect(error.position).toMatchObject({ file, line: 4 });
    },
  );

  test("in the file that says it, not in the one before", async () => {
    await using shop = await directory({
      "a.yaml": WEB,
      "b.yaml": "\n\nservices: {web: {restart: 5}}",
    });
    const error = await shop.fault({ files: ["a.yaml", "b.yaml"] });
    expect(error.position).toMatchObject({ file: path.join(shop.root, "b.yaml"), line: 3 });
  });

  test("and list every finding of a kind", async () => {
    await using shop = await directory({
      "compose.yaml": "services:\n  a: {imag: x}\n  b: {image: [y]}\n  c: {image: z, por: 1}",
    });
    const error = await shop.fault();
    expect([error, ...error.others].map(({ position }) => position?.line)).toEqual([2, 3, 4]);
    expect(error.hint).toBe('Did you mean "image"?');
  });

  test("what this release has not is refused by name", async () => {
    await using shop = await directory({
      "compose.yaml": "services:\n  web:\n    image: x\n    use_api_socket: true\nmodels: {}",
    });
    const error = await shop.fault();
    expect(error.code).toBe("compose-unsupported");
    expect(error.message).toContain("services.web.use_api_socket");
    expect(error.position?.line).toBe(4);
  });

  test("nesting without an end is refused where it goes too deep", async () => {
    const [open, deep] = ["[".repeat(50_000), "[".repeat(150)];
    const shut = "]".repeat(150);
    for (const [text, position] of [
      [`${WEB}x-a: ${open}`, { line: 4, column: 205 }],
      [`${WEB}x-a:\n  ${"- ".repeat(50_000)}x`, {}],
      [`x-a: &a ${deep}${shut}\nx-b: &b ${deep}*a${shut}\nx-c: ${deep}*b${shut}`, { line: 3 }],
    ] as const) {
      await using shop = await directory({ "compose.yaml": text });
      const error = await shop.fault();
      expect(error.message).toContain("nested more than 200 deep");
      expect(error.position).toMatchObject(position);
    }
    const name = `${"${A:-".repeat(5000)}x${"}".repeat(5000)}`;
    await using shop = await directory({ "compose.yaml": `${WEB}    hostname: ${name}` });
    expect((await shop.fault()).message).toContain("variables are nested");
  });

  test("an alias bomb is refused before it fills the memory", async () => {
    const rows = Array.from({ length: 9 }, (_, i) => {
      const previous = i === 0 ? "x" : `*a${i - 1}`;
      return `  - &a${i} [${Array.from({ length: 10 }, () => previous).join(",")}]`;
    });
    await using shop = await directory({ "compose.yaml": `x-bomb:\n${rows.join("\n")}\n${WEB}` });
    expect((await shop.fault()).message).toContain("aliases");
  });
});

describe("positions", () => {
  const compose = `services:
  web:
    image: nginx
    environment:
      - PLAIN=literal
      - MIXED=a\${X}b
      - INHERITED
    env_file: app.env
    labels: {tier: front}
    ports:
      - "8080:80"
    depends_on: [db]
  db: {image: db}
`;
  const files = { "compose.yaml": compose, "app.env": "\nFILE=1\n", "b.yaml": "" };

  test("lead to the line of the file that said it last", async () => {
    await using shop = await directory({
      ...files,
      "b.yaml": "services:\n  web: {environment: {ADDED: 1}}",
    });
    const { positions } = await shop.load({ files: ["compose.yaml", "b.yaml"] });
    const line = (...place: (string | number)[]) => {
      const found = positions.at(["services", "web", ...place]);
      return `${path.basename(found?.file ?? "")}:${found?.line ?? 0}`;
    };
    expect(line("image")).toBe("compose.yaml:3");
    expect(line("environment", "PLAIN")).toBe("compose.yaml:5");
    expect(line("environment", "FILE")).toBe("app.env:2");
    expect(line("environment", "ADDED")).toBe("b.yaml:2");
    expect(line("labels", "tier")).toBe("compose.yaml:9");
    expect(line("ports", 0)).toBe("compose.yaml:11");
    expect(line("ports", 0, "published")).toBe("compose.yaml:11");
    expect(line("depends_on", "db")).toBe("compose.yaml:12");
    expect(line("no", "such", "thing")).toBe("b.yaml:2");
  });

  test("tell what stands there literally from what came from elsewhere", async () => {
    await using shop = await directory(files);
    const { positions, services } = await shop.load({ env: { INHERITED: "v", X: "x" } });
    const literal = (name: string) => positions.literal(["services", "web", "environment", name]);
    expect(services.get("web")?.environment).toEqual({
      FILE: "1",
      INHERITED: "v",
      MIXED: "axb",
      PLAIN: "literal",
    });
    expect(["PLAIN", "MIXED", "INHERITED", "FILE", "NONE"].map(literal)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(positions.literal(["services", "web", "labels"])).toBe(true);
    expect(positions.literal(["services", "web"])).toBe(false);
  });
});

test("profiles switch services on, and a named service brings its own", async () => {
  await using shop = await directory({
    "compose.yaml": `${WEB}  debug: {image: d, profiles: [dev]}\n  ops: {image: o, profiles: [ops]}`,
  });
  const names = async (...options: Parameters<typeof shop.load>) => {
    const project = await shop.load(...options);
    return [[...project.services.keys()], project.disabledServices];
  };
  expect(await names()).toEqual([["web"], ["debug", "ops"]]);
  expect(await names({ profiles: ["dev"] })).toEqual([["debug", "web"], ["ops"]]);
  expect(await names({ services: ["ops"] })).toEqual([["ops", "web"], ["debug"]]);
  expect(await names({ env: { COMPOSE_PROFILES: "*" } })).toEqual([["debug", "ops", "web"], []]);
});
