import { createServer, type Server } from "node:http";

const ANSWERS: Readonly<Record<string, unknown>> = {
  "/_ping": {},
  "/info": { ID: "warm-up", Name: "warm-up", OperatingSystem: "Linux", KernelVersion: "6" },
  "/containers/json": [],
  "/networks": [],
  "/volumes": { Volumes: [] },
};

/** An engine that has nothing and does nothing: enough to plan against. */
export async function serveEmptyEngine(socket: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://engine").pathname;
    const answer = ANSWERS[path.replace(/^\/v[\d.]+/, "")];
    const head = { "Content-Type": "application/json", "Api-Version": "1.48" };
    response.writeHead(answer === undefined ? 404 : 200, head);
    response.end(JSON.stringify(answer ?? { message: "there is none" }));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return server;
}
