/**
 * What a home looks for when it goes: values that its tests gave to the vault, in places where none may
 * be. Files and the engine's answers are read, no device: leak.e2e.ts does that.
 */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { filesBelow } from "./files.ts";
import { tally } from "./tally.ts";
import { createFinder } from "./values.ts";

/** Shorter ones stand in many a text by chance. */
const LEAST_BYTES = 8;

export interface Given {
  /** Hears what a program is given on its input: values, where it puts them into the vault. */
  note(program: string, args: readonly string[], input: string): void;
  /** A file that a test wrote itself may hold anything. */
  readonly wrote: (path: string) => void;
  /** Rejects, naming the places, where a value is found. Run before anything is removed. */
  check(): Promise<void>;
}

export function noteGiven(home: string, engine: string | undefined): Given {
  const values = new Set<string>();
  const written = new Set<string>();
  const since = Math.floor(Date.now() / 1000);
  return {
    note: (program, args, input) => {
      if (program !== "dso" || args[0] !== "secret") return;
      const given = args[1] === "set" ? [input] : args[1] === "import" ? valuesIn(input) : [];
      for (const value of given) if (Buffer.byteLength(value) >= LEAST_BYTES) values.add(value);
    },
    wrote: (path) => void written.add(path),
    async check() {
      if (values.size === 0) return;
      const socket = (engine ?? "unix:///var/run/docker.sock").replace("unix://", "");
      const planted = randomBytes(20).toString("hex");
      const control = join(home, "planted");
      await writeFile(control, planted);
      const find = createFinder({ planted, ...named(values) });
      const found: string[] = [];
      const places = [
        ...(await filesOf(home, socket, written)),
        ...(await answersOf(socket, since)),
      ];
      for (const { where, bytes } of places)
        found.push(...find(bytes).map((name) => `${name} in ${where}`));
      await rm(control);
      tally.add({ values: values.size, places: places.length, homes: 1 });
      const leaks = found.filter((one) => one !== `planted in ${control}`);
      if (leaks.length === found.length)
        throw new Error("the search does not find what was planted");
      if (leaks.length > 0) throw new Error(`values of secrets were found:\n${leaks.join("\n")}`);
    },
  };
}

function named(values: ReadonlySet<string>): Readonly<Record<string, string>> {
  const short = (value: string): string => JSON.stringify(value.slice(0, 24));
  return Object.fromEntries([...values].map((value) => [short(value), value]));
}

function valuesIn(input: string): readonly string[] {
  const lines = input.split("\n").map((line) => line.slice(line.indexOf("=") + 1));
  return lines.map((line) => line.replace(/^(["'])(.*)\1$/, "$2"));
}

interface Place {
  readonly where: string;
  readonly bytes: Buffer;
}

/** All of the home that is not memory, and what the engine wrote down. */
async function filesOf(
  home: string,
  socket: string,
  written: ReadonlySet<string>,
): Promise<readonly Place[]> {
  const files = (await filesBelow(home)).filter((path) => !written.has(path));
  // Where script/engine has it; an engine of the machine keeps it to itself.
  return readAll([...files, join(dirname(socket), "log")]);
}

async function readAll(paths: readonly string[]): Promise<readonly Place[]> {
  const places = paths.map(async (where) => {
    const bytes = await readFile(where).catch(() => undefined);
    return bytes === undefined ? [] : [{ where, bytes }];
  });
  return (await Promise.all(places)).flat();
}

/** What the engine shows of everything that it has, and has told since then. */
async function answersOf(socket: string, since: number): Promise<readonly Place[]> {
  const ask = (path: string): Promise<string> => askEngine(socket, path);
  const list = async (path: string): Promise<readonly { readonly Id: string }[]> =>
    JSON.parse(await ask(path)) as { readonly Id: string }[];
  const [containers, images] = [
    await list("/containers/json?all=1"),
    await list("/images/json?all=1"),
  ];
  const until = Math.ceil(Date.now() / 1000);
  const paths = [
    ...containers.map(({ Id }) => `/containers/${Id}/json`),
    ...images.flatMap(({ Id }) => [`/images/${Id}/json`, `/images/${Id}/history`]),
    ...["/networks", "/volumes", `/events?since=${since}&until=${until}`],
  ];
  const places = paths.map(async (where) => {
    const answer = await ask(where);
    const shown = where.startsWith("/containers/") ? withoutOwn(answer) : answer;
    return { where, bytes: Buffer.from(shown) };
  });
  return Promise.all(places);
}

/** Without what its files want in the open, and what its own healthcheck printed. */
function withoutOwn(answer: string): string {
  const {
    Config = {},
    State = {},
    ...rest
  } = JSON.parse(answer) as {
    Config?: { Env?: unknown; Labels?: Readonly<Record<string, string>> };
    State?: { Health?: unknown };
  };
  const isOpen = /"env":"exposed"/.test(Config.Labels?.["dso.spec"] ?? "");
  const config = isOpen ? { ...Config, Env: undefined } : Config;
  return JSON.stringify({ ...rest, Config: config, State: { ...State, Health: undefined } });
}

function askEngine(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = get({ socketPath, path, headers: { host: "docker" } }, (response) => {
      text(response).then(resolve, reject);
    });
    call.on("error", reject);
  });
}
