/** An engine that makes no container, and quotes in its answer what it was asked to make. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { temporaryDirectory } from "../../fixtures/temporary.ts";

export interface Refusing extends AsyncDisposable {
  /** What DOCKER_HOST is to be. */
  readonly host: string;
  /** The bodies that were refused. */
  readonly refused: readonly string[];
}

export async function createRefusing(engine: string): Promise<Refusing> {
  const directory = await temporaryDirectory();
  const path = join(directory.path, "engine.sock");
  const refused: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const creates = incoming.method === "POST" && /containers\/create/.test(incoming.url ?? "");
    if (creates) void refuse(incoming, outgoing, refused);
    else pass(engine, incoming, outgoing);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    host: `unix://${path}`,
    refused,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function refuse(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  refused: string[],
): Promise<void> {
  const body = await text(incoming);
  refused.push(body);
  const { Env } = JSON.parse(body) as { readonly Env?: readonly string[] };
  const said = `exec: "app": executable file not found: ${(Env ?? []).join("\n")}; invalid: ${body}`;
  outgoing.writeHead(400, { "content-type": "application/json" });
  outgoing.end(JSON.stringify({ message: said }));
}

function pass(engine: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url, headers } = incoming;
  const options = { socketPath: engine.replace("unix://", ""), method, path: url, headers };
  const asked = request(options, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  });
  asked.on("error", () => outgoing.destroy());
  incoming.pipe(asked);
}
