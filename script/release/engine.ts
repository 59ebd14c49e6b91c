import { createServer, type Server } from "node:http";
import { hostname, release } from "node:os";

const DIGEST = `sha256:${"a".repeat(64)}`;
/** What both containers were given. */
export const GENERATION = "0123456789abcdef";

const compose = (labels: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ project: "shop", ...labels }).map(([name, value]) => [
      `com.docker.compose.${name}`,
      value,
    ]),
  );

const CONTAINERS = ["web", "db"].map((service, index) => ({
  Id: String(index).repeat(64),
  Names: [`/shop-${service}-1`],
  Image: service,
  ImageID: DIGEST,
  Created: 1,
  State: "running",
  Status: "Up 1 second (healthy)",
  Labels: {
    ...compose({ service, "container-number": "1", oneoff: "False", "config-hash": "b" }),
    "dso.version": "warm-up",
    "dso.generation": GENERATION,
    "dso.secrets": '{"local:shop/password":"1"}',
    "dso.spec": '{"v":1,"service":{},"image":"old","replicas":1,"files":{},"private":[]}',
  },
  HostConfig: { NetworkMode: "shop_default" },
  NetworkSettings: {
    Networks: {
      shop_default: { NetworkID: "c".repeat(64), IPAddress: "172.30.0.2", GlobalIPv6Address: "" },
    },
  },
  Mounts: [
    {
      Type: "bind",
      Source: `/nowhere/${GENERATION}/files`,
      Destination: "/run/secrets",
      RW: false,
    },
  ],
}));

const NETWORK = {
  Id: "c".repeat(64),
  Name: "shop_default",
  Driver: "bridge",
  Internal: false,
  Labels: compose({ network: "default" }),
  IPAM: { Driver: "default", Config: [{ Subnet: "172.30.0.0/24", Gateway: "172.30.0.1" }] },
};

const IMAGE = {
  Id: DIGEST,
  Os: "linux",
  Architecture: "amd64",
  Config: { Cmd: ["run"], Env: ["PATH=/bin"], Healthcheck: { Test: ["CMD", "check"] } },
};

const ANSWERS: Readonly<Record<string, unknown>> = {
  "/_ping": {},
  "/info": { ID: "0", Name: hostname(), OperatingSystem: "Linux", KernelVersion: release() },
  "/containers/json": CONTAINERS,
  "/networks": [NETWORK],
  "/volumes": { Volumes: [] },
  "/images/shop/json": IMAGE,
};

/** An engine on which something runs, and that does nothing: enough to plan against. */
export async function serveEngine(socket: string): Promise<Server> {
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
