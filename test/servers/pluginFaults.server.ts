/** Plugins that do what they should not: each a few lines of shell, a process of its own. */
import { readdir, symlink } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { never } from "../reconciler/world.ts";
import { createPluginScene, json, type PluginScene, shell } from "./pluginScene.ts";
import { values } from "./told.ts";

let scene: PluginScene;

beforeAll(async () => {
  scene = await createPluginScene();
});

afterAll(() => scene[Symbol.asyncDispose]());

afterEach(() => scene.closeAll());

const one = (value: object): string => `{"jsonrpc":"2.0","id":2,"result":${JSON.stringify(value)}}`;
const versioned = (told: unknown): string => one({ secrets: { db: told } });
const refused = (code: string, message: string, hint?: string): object => ({
  error: { code: -32000, message, data: { code, ...(hint !== undefined && { hint }) } },
});

async function faultOf(provider: SecretProvider): Promise<DsoError> {
  const asked = provider.versions([{ path: "db" }], never).then((answers) => answers.get("db"));
  const error: unknown = await asked.catch((thrown: unknown) => thrown);
  if (error instanceof DsoError) return error;
  throw new Error(`no fault: ${String(error)}`);
}

async function withPlugin(lines: readonly string[], more = {}): Promise<SecretProvider> {
  await scene.install("bad", shell(lines));
  return scene.open("bad", { maxBytes: 100_000, ...more });
}

const UNREACHABLE = "provider-unreachable";
/** What it does once it has been asked for a version. */
const FAULTS: readonly (readonly [string, readonly string[], string, RegExp])[] = [
  ["ends", ["exit 7"], UNREACHABLE, /its plugin ended with exit code 7$/],
  ["is killed", ["kill -9 $$"], UNREACHABLE, /was ended by SIGKILL$/],
  [
    "ends with words of its own",
    [String.raw`printf 'a\r\nb\033[31m red\n' >&2; exit 1`],
    UNREACHABLE,
    /exit code 1; its last words: a \| b red$/,
  ],
  ["says garbage", ["echo welcome", "sleep 100"], UNREACHABLE, /said something that is no message/],
  [
    "says no text",
    [String.raw`printf '${versioned({ version: "x" }).replace("x", "\\377")}\n'`, "sleep 100"],
    UNREACHABLE,
    /is no message/,
  ],
  ["answers several at once", ["echo '[]'", "sleep 100"], UNREACHABLE, /is no message/],
  [
    "answers without an id",
    [`echo '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}}'`, "sleep 100"],
    UNREACHABLE,
    /is no message/,
  ],
  ["asks us", [`echo '{"jsonrpc":"2.0","id":9,"method":"x"}'`, "sleep 100"], UNREACHABLE, /is no/],
  [
    "says more than anybody wants",
    ["head -c 200000 /dev/zero | tr '\\0' x", "sleep 100"],
    UNREACHABLE,
    /said more than 100000 bytes in one line/,
  ],
  [
    "says half a message",
    [`printf '{"jsonrpc":'; exit 0`],
    UNREACHABLE,
    /ended with exit code 0 in the middle of a message/,
  ],
  [
    "answers what nobody asked",
    [`echo '{"jsonrpc":"2.0","id":5,"result":{}}'`, "sleep 100"],
    UNREACHABLE,
    /answered a question that nobody asked \(id 5\)/,
  ],
  [
    "answers something else",
    [`echo '${one({ versions: [] })}'`],
    UNREACHABLE,
    /answers "versions" with something else: must have required property 'secrets'/,
  ],
  [
    "tells a version that would move the cursor of a terminal",
    [String.raw`printf '%s\n' '${versioned({ version: "1\u001b[2J" })}'`],
    UNREACHABLE,
    /answers "versions" with something else: /,
  ],
  [
    "says nothing about one",
    [`echo '${one({ secrets: {} })}'`],
    UNREACHABLE,
    /says nothing about "db"/,
  ],
  [
    "answers with a code that nobody knows",
    [`echo '${versioned(refused("no-idea", "out of order"))}'`],
    UNREACHABLE,
    /^provider "team": out of order$/,
  ],
  [
    "does not know the method",
    [`echo '{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found"}}'`],
    UNREACHABLE,
    /^provider "team": Method not found$/,
  ],
  [
    "refuses all",
    [
      `echo '{"jsonrpc":"2.0","id":2,${JSON.stringify(refused("provider-auth", "bad\\nkey")).slice(1)}'`,
    ],
    "provider-auth",
    /^provider "team": bad key$/,
  ],
  [
    "refuses one",
    [`echo '${versioned(refused("secret-denied", "", "Ask Eve."))}'`],
    "secret-denied",
    /^secret "team:db" may not be read$/,
  ],
];

test.each(FAULTS)("one that %s", async (_, lines, code, words) => {
  const { code: given, message } = await faultOf(
    await withPlugin(["answer", "read -r line", ...lines]),
  );
  expect([given, message]).toEqual([code, expect.stringMatching(words)]);
});

test("one that hangs", async () => {
  const provider = await withPlugin(["answer", "read -r line", "sleep 100"], { timeoutMs: 5000 });
  const { code, message } = await faultOf(provider);
  expect([code, message]).toEqual([
    UNREACHABLE,
    `provider "team": its plugin gave no answer to "versions" within 5 s`,
  ]);
});

describe("at its start, one that", () => {
  it("ends", async () => {
    const fault = await faultOf(await withPlugin(["echo 'no config' >&2", "exit 3"]));
    expect(fault.message).toMatch(/ended with exit code 3; its last words: no config$/);
  });

  it("speaks another protocol", async () => {
    const { code, message } = await faultOf(await withPlugin(["answer 2", "sleep 100"]));
    expect([code, message]).toEqual([
      "config-invalid",
      'provider "team": its plugin speaks version 2 of the protocol, and this DSO version 1',
    ]);
  });

  it("has no interpreter", async () => {
    await scene.install("bad", "#!/no/such/program\n");
    const { code, message } = await faultOf(scene.open("bad"));
    expect([code, message]).toEqual([
      UNREACHABLE,
      expect.stringMatching(/first line \(#!\) is not/),
    ]);
  });

  it("cannot be started for whatever reason the system has", async () => {
    await symlink("loop", `${scene.path}/loop`);
    for (const [line, word] of [
      ["#!/dev/null/sh", "ENOTDIR"],
      [`#!${scene.path}/loop`, "ELOOP"],
    ] as const) {
      await scene.install("bad", `${line}\n`);
      const { code, message } = await faultOf(scene.open("bad"));
      const words = `provider "team": its plugin cannot be started: the system answers ${word}`;
      expect([code, message]).toEqual([UNREACHABLE, words]);
    }
  });

  it("is no program", async () => {
    await scene.install("bad", "\u007fELF no such thing");
    const { code, message } = await faultOf(scene.open("bad"));
    expect([code, message]).toEqual([
      UNREACHABLE,
      expect.stringMatching(/ended with exit code 12/),
    ]);
  });

  it("leaves nothing behind", async () => {
    expect(await readdir(scene.copies)).toEqual([]);
  });
});

it("is started again, ever later, and says meanwhile at once why not", async () => {
  let now = 0;
  const clock = { elapsed: () => now, sleep: () => Promise.resolve() };
  const provider = await withPlugin([`echo x >>${scene.path}/starts`, "exit 1"], { clock });
  const starts = async (): Promise<number> => (await scene.read("starts")).split("\n").length - 1;
  for (const [count, seconds] of [1, 2, 4, 8, 16, 30, 30].entries()) {
    expect((await faultOf(provider)).hint).toMatch(/when it is asked again/);
    expect(await starts()).toBe(count + 1);
    now += seconds * 1000 - 1;
    const { code, hint, message } = await faultOf(provider);
    expect([code, hint]).toEqual([UNREACHABLE, expect.stringContaining("again in 1 s")]);
    expect(message).toMatch(/ended with exit code 1$/);
    expect(await starts()).toBe(count + 1);
    now += 1;
  }
});

describe("a value that it has given", () => {
  const secret = "value-of-the-test";
  const given = one({
    secrets: { db: { version: "1", values: { value: Buffer.from(secret).toString("base64") } } },
  });

  it("is not shown, whatever it says then", async () => {
    const said = `echo '${secret} and ${Buffer.from(secret).toString("hex")}, token-of-the-test' >&2`;
    const lines = ["answer", "read -r line", `echo '${given}'`, "read -r line", said, "exit 1"];
    const provider = await withPlugin(lines, { config: json({ token: "token-of-the-test" }) });
    expect(await values(provider, { path: "db" })).toEqual({ value: secret });
    const { message } = await faultOf(provider);
    expect(message).toMatch(/its last words: \[secret\] and \[secret\], \[secret\]$/);
  });

  it("is not shown in an error of its own", async () => {
    const failure = `{"jsonrpc":"2.0","id":3,${JSON.stringify(refused("secret-denied", `not ${secret}`)).slice(1)}`;
    const lines = [
      "answer",
      "read -r line",
      `echo '${given}'`,
      "read -r line",
      `echo '${failure}'`,
    ];
    const provider = await withPlugin([...lines, "read -r line"]);
    await values(provider, { path: "db" });
    expect((await faultOf(provider)).message).toBe('provider "team": not [secret]');
  });

  it("is not shown by what it says in the same answer, nor in a later one of the same question", async () => {
    const words = refused("secret-denied", `not ${secret}`);
    const told = { first: words, db: { version: "1", values: { value: btoa(secret) } } };
    const failure = `{"jsonrpc":"2.0","id":3,${JSON.stringify(words).slice(1)}`;
    const lines = ["answer", "read -r line", `echo '${one({ secrets: told })}'`, "read -r line"];
    const provider = await withPlugin([...lines, `echo '${failure}'`, "read -r line"]);
    const requests = [{ path: "first" }, { path: "db" }];
    const answers = await provider.read(requests, never);
    expect(answers.get("first")).toMatchObject({ message: 'secret "team:first": not [secret]' });
    await provider.close();
    const again = await withPlugin([...lines, `echo '${failure}'`, "read -r line"]);
    const pinned = [...requests, { path: "db", pinned: "1" }];
    await expect(again.read(pinned, never)).rejects.toThrow('provider "team": not [secret]');
  });

  it("is not shown when it is too large to be looked for", async () => {
    const large = Buffer.alloc(1_200_000, "ab").toString("base64");
    const answer = one({ secrets: { db: { version: "1", values: { value: large } } } });
    const lines = ["answer", "read -r line", `echo '${answer}'`, "read -r line"];
    const provider = await withPlugin([...lines, "echo ababab >&2", "exit 1"], {
      maxBytes: 5_000_000,
    });
    expect(await provider.read([{ path: "db" }], never)).toHaveProperty("size", 1);
    expect((await faultOf(provider)).message).toMatch(/its plugin ended with exit code 1$/);
  });
});

it("gets what dso.yaml lists of the environment, and nothing else", async () => {
  const lines = ["answer", "read -r line", `env | cut -d= -f1 | sort | tr '\\n' ' ' >&2`, "exit 1"];
  const environment = { PATH: "/usr/bin:/bin", SEEN: "1" };
  const { message } = await faultOf(await withPlugin(lines, { environment }));
  // PWD and the like are the shell's own.
  expect(message).toMatch(/last words: (OLDPWD )?PATH PWD (SHLVL )?SEEN( _)?$/);
});

it("answers with the value of another version than the one that was planned", async () => {
  const answer = one({ secrets: { db: { version: "8", values: { value: "eA==" } } } });
  const provider = await withPlugin(["answer", "read -r line", `echo '${answer}'`, "read -r line"]);
  expect(await values(provider, { path: "db", pinned: "7" })).toMatchObject({
    code: "secret-version-gone",
    message: 'secret "team:db": version 7 was asked for, and the plugin gives version 8',
  });
});

it("answers in something else than base64", async () => {
  const answer = one({ secrets: { db: { version: "8", values: { value: "plain text!!" } } } });
  const provider = await withPlugin(["answer", "read -r line", `echo '${answer}'`, "read -r line"]);
  await expect(values(provider, { path: "db" })).rejects.toThrow(
    /key "value" of "db" in something/,
  );
});
