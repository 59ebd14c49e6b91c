import type { Engine } from "../model/ports.ts";
import { createClient } from "./client.ts";
import type { EngineConnection } from "./connection.ts";
import { containers } from "./containers.ts";
import { events } from "./events.ts";
import { images } from "./images.ts";
import { networking } from "./networks.ts";
import { inspecting, listing } from "./observe.ts";
import { pulls } from "./pull.ts";
import { streaming } from "./streams.ts";

/** The engine behind `connection`. Nothing is opened before the first call. */
export function createEngine(connection: EngineConnection): Engine {
  const client = createClient(connection);
  return {
    ...listing(client, connection),
    ...inspecting(client),
    ...containers(client),
    ...networking(client),
    ...images(client),
    ...pulls(client, connection),
    ...streaming(client),
    events: (options, signal) => events(client, options, signal),
    async close() {
      client.close();
    },
  };
}
