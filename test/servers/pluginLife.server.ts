/** How plugins are kept, watched and ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { byValue } from "../../src/providers/byValue.ts";
import { UNSUPPORTED } from "../../src/model/ports.ts";
import { never } from "../reconciler/world.ts";
import { createPluginScene, type PluginScene, shell, until } from "./pluginScene.ts";
import { values, version } from "./told.ts";

let scene: PluginScene;

beforeAll(async () => {
  scene = await createPluginScene();
});

afterAll(() => scene[Symbol.asyncDispose]());
afterEach(() => scene.closeAll());

const answer = (id: number, result: object): string =>
  `echo '{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(result)}}'`;
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);
const pidIn = async (name: string): Promise<number> => Number(await scene.read(name));

describe("a plugin", () => {
  it("is one process for all questions, and gone when it is closed, with its copy", async () => {
    const told = { secrets: { db: "unsupported" } };
    const lines = [`echo $$ >>${scene.path}/pids`, "answer", "read -r line", answer(2, told)];
    lines.push("read -r line", answer(3, told), "cat >/dev/null");
    await scene.install("calm", shell(lines));
    const provider = scene.open("calm");
    for (let count = 0; count < 2; count++)
      expect(await version(provider, { path: "db" })).toBe(UNSUPPORTED);
    const [copy = "", ...more] = await readdir(scene.copies);
    expect(more).toEqual([]);
    const started = await readFile(`/proc/${await pidIn("pids")}/cmdline`, "utf8");
    expect(started.split("\0")).toContain(join(scene.copies, copy, "plugin"));
    await provider.close();
    expect(isAlive(await pidIn("pids"))).toBe(false);
    expect(await readdir(scene.copies)).toEqual([]);
  });

  it("is not started for nothing", async () => {
    await scene.install("idle", shell([`touch ${scene.path}/started`]));
    await scene.open("idle").close();
    expect(existsSync(join(scene.path, "started"))).toBe(false);
  });

  it("that does not end when it is asked to is ended, with its children", async () => {
    const lines = ["trap '' TERM HUP", `echo $$ >${scene.path}/own`, "answer"];
    lines.push(`sleep 1000 & echo $! >${scene.path}/child`, "read -r line", answer(2, {}));
    lines.push("while :; do wait; done");
    await scene.install("stubborn", shell(lines));
    const provider = scene.open("stubborn");
    expect(await provider.check(never)).toEqual({ ok: true });
    const pids = [await pidIn("own"), await pidIn("child")];
    expect(pids.map(isAlive)).toEqual([true, true]);
    await provider.close();
    await until(() => Promise.resolve(!pids.some(isAlive)));
  });

  it("that does not get ready is not waited for when it is closed", async () => {
    await scene.install("slow", shell([`echo $$ >${scene.path}/slow`, "sleep 1000"]));
    const provider = scene.open("slow", { timeoutMs: 60_000 });
    const asked = provider.check(never);
    await until(() => Promise.resolve(existsSync(join(scene.path, "slow"))));
    await provider.close();
    expect(await asked).toMatchObject({
      error: { message: 'provider "team": its plugin was ended with the rest of dso' },
    });
    expect(await readdir(scene.copies)).toEqual([]);
  });

  it("that ends takes along what it has started", async () => {
    const lines = [`sleep 1000 >/dev/null 2>&1 & echo $! >${scene.path}/left`, "answer"];
    await scene.install("parent", shell([...lines, "read -r line", answer(2, {}), "read -r line"]));
    const provider = scene.open("parent");
    expect(await provider.check(never)).toEqual({ ok: true });
    const pid = await pidIn("left");
    expect(isAlive(pid)).toBe(true);
    await provider.close();
    await until(() => Promise.resolve(!isAlive(pid)));
  });

  it("without versions can be told by value", async () => {
    const read = (id: number, text: string): string =>
      answer(id, { secrets: { db: { values: { value: Buffer.from(text).toString("base64") } } } });
    const lines = [
      "answer",
      ...["a", "a", "b"].flatMap((text, at) => ["read -r l", read(at + 2, text)]),
    ];
    await scene.install("plain", shell([...lines, "cat >/dev/null"]));
    const provider = byValue(scene.open("plain"), () => Promise.resolve(Buffer.alloc(32)));
    const told = [];
    for (let count = 0; count < 3; count++) told.push(await version(provider, { path: "db" }));
    expect([told[0] === told[1], told[1] === told[2]]).toEqual([true, false]);
  });

  it("brings ten megabytes", async () => {
    const program = `#!/usr/bin/python3
import json, sys, base64
for line in sys.stdin:
    m = json.loads(line)
    r = {"protocol": 1} if m["method"] == "initialize" else {"secrets": {"db": {"values": {"value": base64.b64encode(b"x" * 10485760).decode()}}}}
    print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": r}), flush=True)
`;
    await scene.install("large", program);
    const answers = await scene.open("large").read([{ path: "db" }], never);
    expect(answers.get("db")).toHaveProperty("values.size", 1);
  });
});

describe("a question", () => {
  it("that is given up is cancelled, its late answer is nobody's, and the next one is answered", async () => {
    const told = { secrets: { db: { version: "9" } } };
    const lines = ["answer", "read -r a", `touch ${scene.path}/asked`, "read -r cancel"];
    lines.push(
      `echo "$cancel" >${scene.path}/cancel`,
      answer(2, told),
      "read -r b",
      answer(3, told),
    );
    await scene.install("slow", shell([...lines, "cat >/dev/null"]));
    const provider = scene.open("slow");
    const giveUp = new AbortController();
    const first = provider.versions([{ path: "db" }], giveUp.signal);
    await until(() => Promise.resolve(existsSync(join(scene.path, "asked"))));
    giveUp.abort(new Error("enough"));
    await expect(first).rejects.toThrow("enough");
    expect(await version(provider, { path: "db" })).toBe("9");
    const cancel = { jsonrpc: "2.0", method: "cancel", params: { id: 2 } };
    expect(JSON.parse(await scene.read("cancel"))).toEqual(cancel);
  });

  it("about what was there is asked again before it is missing", async () => {
    const error = { code: -32000, message: "no", data: { code: "secret-missing" } };
    const there = { secrets: { db: { version: "1" } } };
    const gone = { secrets: { db: { error } } };
    const replies = [there, gone, there, gone, gone];
    const lines = replies.flatMap((reply, at) => ["read -r line", answer(at + 2, reply)]);
    await scene.install("lagging", shell(["answer", ...lines, "cat >/dev/null"]));
    const provider = scene.open("lagging");
    expect(await version(provider, { path: "db" })).toBe("1");
    expect(await version(provider, { path: "db" })).toBe("1");
    expect(await version(provider, { path: "db" })).toMatchObject({ code: "secret-missing" });
  });
});

describe("a watch", () => {
  it("hears changes, and after a crash that anything may have changed", async () => {
    const hello = `read -r l; echo '{"jsonrpc":"2.0","id":1,"result":{"protocol":1,"watch":true}}'`;
    const changed = (path: string): string =>
      `echo '{"jsonrpc":"2.0","method":"changed","params":{"path":"${path}"}}'`;
    const second = `if [ -e ${scene.path}/again ]; then cat >/dev/null; fi`;
    const lines = [hello, "read -r l", `echo "$l" >${scene.path}/watched`, answer(2, {}), second];
    lines.push(changed("a"), changed("other"), `touch ${scene.path}/again`, "exit 1");
    await scene.install("push", shell(lines));
    const heard: string[] = [];
    const stop = new AbortController();
    const watching = scene
      .open("push")
      .watch?.(["b", "a"], (path) => heard.push(path), stop.signal);
    await until(() => Promise.resolve(heard.length >= 3));
    stop.abort(new Error("enough"));
    await expect(watching).rejects.toThrow();
    expect(heard).toEqual(["a", "b", "a"]);
    expect(JSON.parse(await scene.read("watched"))).toMatchObject({
      params: { paths: ["a", "b"] },
    });
  });

  it("of a plugin that tells none is over at once", async () => {
    await scene.install("quiet", shell(["answer", "cat >/dev/null"]));
    await scene.open("quiet").watch?.(["a"], () => undefined, never);
  });
});

describe("when dso is killed", () => {
  const fixture = fileURLToPath(new URL("../fixtures/plugin.ts", import.meta.url));
  const run = (type: string): ChildProcess =>
    spawn(process.execPath, [fixture, type, scene.directory, scene.copies], {
      stdio: ["ignore", "pipe", "inherit"],
    });

  it("its plugin ends, and what is left of it is swept by the next one", async () => {
    const lines = [`echo $$ >${scene.path}/orphan`, "answer", "read -r line", answer(2, {})];
    await scene.install("orphan", shell([...lines, "cat >/dev/null"]));
    const dso = run("orphan");
    await once(dso.stdout!, "data");
    const pid = await pidIn("orphan");
    expect(isAlive(pid)).toBe(true);
    dso.kill("SIGKILL");
    await once(dso, "exit");
    await until(() => Promise.resolve(!isAlive(pid)));

    const [left = ""] = await readdir(scene.copies);
    expect(left).toMatch(new RegExp(`^${dso.pid}-`));
    const old = new Date(Date.now() - 120_000);
    await utimes(join(scene.copies, left), old, old);
    await mkdir(join(scene.copies, "1-alive"));
    await writeFile(join(scene.copies, "1-alive", "plugin"), "");
    await utimes(join(scene.copies, "1-alive"), old, old);
    const provider = scene.open("orphan");
    expect(await provider.check(never)).toEqual({ ok: true });
    const names = await readdir(scene.copies);
    expect([names.includes(left), names.includes("1-alive"), names.length]).toEqual([
      false,
      true,
      2,
    ]);
  });
});

it("keeps values out of what is thrown", async () => {
  const told = { secrets: { db: { version: "1", values: { value: 5, "se-cr-et": "x" } } } };
  await scene.install("typed", shell(["answer", "read -r l", answer(2, told), "cat >/dev/null"]));
  await expect(values(scene.open("typed"), { path: "db" })).rejects.toThrow(
    /answers "read" with something else: \/secrets\/db\/values\/value must be string$/,
  );
});
