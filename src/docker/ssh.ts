import { spawn, type ChildProcess } from "node:child_process";
import { Duplex } from "node:stream";
import type { Route } from "./connection.ts";
import { printable } from "./errors.ts";

type SshRoute = Extract<Route, { kind: "ssh" }>;

/**
 * One connection to an engine on another host, through the user's own `ssh`
 * program: their keys, their known hosts and their ssh configuration count.
 */
export function openSsh(route: SshRoute, env: Readonly<Record<string, string>>): Duplex {
  const child = spawn("ssh", sshArguments(route), { env, stdio: ["pipe", "pipe", "pipe"] });
  const socket = new Duplex({
    read: () => child.stdout.resume(),
    // What ssh did not take is told by its end, in better words than "broken pipe".
    write: (chunk, _encoding, done) => child.stdin.write(chunk, () => done()),
    final: (done) => child.stdin.end(() => done()),
    destroy: (error, done) => {
      child.kill();
      done(error);
    },
  });
  child.stdin.on("error", () => undefined);
  child.stdout.on("data", (chunk: Buffer) => {
    if (!socket.push(chunk)) child.stdout.pause();
  });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-500);
  });
  child.once("error", (error) => socket.destroy(error));
  child.once("close", (code) => {
    if (code === 0 || code === null) socket.push(null);
    else socket.destroy(new Error(`ssh ended with ${code}: ${printable(complaint)}`));
  });
  return asSocket(socket, child);
}

/** Node's agent treats every connection as a TCP socket. */
function asSocket(socket: Duplex, child: ChildProcess): Duplex {
  return Object.assign(socket, {
    setKeepAlive: () => socket,
    setNoDelay: () => socket,
    setTimeout: () => socket,
    ref: () => child.ref(),
    unref: () => child.unref(),
  });
}

function sshArguments(route: SshRoute): string[] {
  return [
    "-o",
    "ConnectTimeout=30",
    "-T",
    ...(route.user === undefined ? [] : ["-l", route.user]),
    ...(route.port === undefined ? [] : ["-p", route.port]),
    "--",
    route.host,
    "docker",
    ...(route.socket === undefined ? [] : ["--host", `unix://${route.socket}`]),
    "system",
    "dial-stdio",
  ];
}
