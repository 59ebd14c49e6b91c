/**
 * `node requestLoop.ts NAME PORT PER_SECOND [keep-alive|resolve-once]`: asks `http://NAME:PORT/` in an
 * open loop until SIGTERM, each time with a new lookup and a new connection. Prints a line when the first
 * is answered, and at the end what came of them all as JSON. `keep-alive` looks up only where it opens a connection, and keeps up to eight of them;
 * `resolve-once` keeps the first address for ever.
 * Run in the network namespace of a container: the engine's name server is asked.
 */
import { Resolver } from "node:dns/promises";
import { Agent, get } from "node:http";
import { connect, type LookupFunction } from "node:net";

export interface Loop {
  readonly sent: number;
  /** Error codes, statuses and timeouts, counted. */
  readonly failed: Readonly<Record<string, number>>;
  /** Answers in the order in which they were first heard, counted. */
  readonly heard: Readonly<Record<string, number>>;
  /** When each was heard first, milliseconds since the epoch. */
  readonly firstAt: Readonly<Record<string, number>>;
  /** When the last one was asked that heard it, the same: this process may get to read an answer late. */
  readonly lastAt: Readonly<Record<string, number>>;
  /** What was answered to the last request, which is made once the loop is told to end. */
  readonly last: string;
  readonly slowestMs: number;
  /** The longest time in which no answer came. */
  readonly longestGapMs: number;
}

const [name = "", port = "", perSecond = "200", mode = ""] = process.argv.slice(2);
const resolver = new Resolver();
resolver.setServers(["127.0.0.11"]);
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
/**
 * Who goes elsewhere in vain is told so (refused, reset, no such host) long before. A machine that has
 * too much to do for some seconds is no such answer, and the slowest request tells of it.
 */
const PATIENCE_MS = 20_000;

const failed: Record<string, number> = {};
const heard: Record<string, number> = {};
const firstAt: Record<string, number> = {};
const lastAt: Record<string, number> = {};
let [sent, open, last, slowestMs, longestGapMs] = [0, 0, "", 0, 0];
let lastAnswer = performance.now();

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

let kept: Promise<string> | undefined;
function addressOf(host: string): Promise<string> {
  if (mode !== "resolve-once") return freshAddress(host);
  return (kept ??= freshAddress(host));
}

async function freshAddress(host: string): Promise<string> {
  const addresses = await resolver.resolve4(host);
  return addresses[sent % addresses.length] ?? "";
}

/** Called where a connection is opened, and only there. */
const lookup: LookupFunction = (host, { all }, done) => {
  addressOf(host).then(
    (address) => (all === true ? done(null, [{ address, family: 4 }]) : done(null, address, 4)),
    (error: unknown) => done(error as NodeJS.ErrnoException, "", 4),
  );
};

/** Over a bare connection: at a thousand a second an HTTP client is most of the work, and the machine's only one. */
async function askAnew(): Promise<string> {
  const host = await addressOf(name);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) });
    let text = "";
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error("timeout")));
    socket.setEncoding("latin1").on("data", (part: string) => (text += part));
    socket.on("error", reject);
    socket.on("close", () => {
      const [head = "", body] = text.split("\r\n\r\n", 2);
      const status = head.split(" ", 2)[1];
      if (status === "200" && body !== undefined) resolve(body.trim());
      else reject(new Error(status === undefined ? "no answer" : `status ${status}`));
    });
    socket.write(`GET / HTTP/1.0\r\nHost: ${name}\r\n\r\n`);
  });
}

function askOnKept(): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: name, port, agent, lookup, timeout: PATIENCE_MS }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(text.trim());
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    request.on("error", reject);
  });
}

async function askOnce(): Promise<void> {
  const [begun, asked] = [performance.now(), Date.now()];
  sent++;
  open++;
  try {
    const text = await (mode === "keep-alive" ? askOnKept() : askAnew());
    const now = performance.now();
    slowestMs = Math.max(slowestMs, now - begun);
    longestGapMs = Math.max(longestGapMs, now - lastAnswer);
    lastAnswer = now;
    // What was answered may be empty.
    if (Object.keys(heard).length === 0) process.stdout.write("asking\n");
    last = text;
    firstAt[text] ??= Date.now();
    lastAt[text] = Math.max(lastAt[text] ?? 0, asked);
    count(heard, text);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    count(failed, code);
  } finally {
    open--;
  }
}

// By the clock, not by a timer's own idea of an interval: an open loop does not slow down with the server.
const begun = performance.now();
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - begun) / 1000) * Number(perSecond));
  for (let index = sent; index < due; index++) void askOnce();
}, 5);
process.on("SIGTERM", () => {
  clearInterval(timer);
  const wait = setInterval(() => {
    if (open > 0) return;
    clearInterval(wait);
    void end();
  }, 20);
});

/** Asks once more: how long ago the others were is a matter of how busy the machine is. */
async function end(): Promise<void> {
  await askOnce();
  const loop: Loop = { sent, failed, heard, firstAt, lastAt, last, slowestMs, longestGapMs };
  process.stdout.write(`${JSON.stringify(loop)}\n`, () => process.exit(0));
}
