import type { Engine } from "../model/ports.ts";
import type { Client } from "./client.ts";
import { DsoError } from "../model/errors.ts";

type Networking = Pick<
  Engine,
  | "createNetwork"
  | "removeNetwork"
  | "connectNetwork"
  | "disconnectNetwork"
  | "createVolume"
  | "removeVolume"
>;

export function networking(client: Client): Networking {
  return {
    async createNetwork(body, signal) {
      const doing = `create network ${body.Name}`;
      // Engines allow two networks of one name unless told otherwise.
      const call = { doing, body: { CheckDuplicate: true, ...body } };
      return (await client.json<{ Id: string }>("POST", "/networks/create", call, signal)).Id;
    },

    async removeNetwork(id, signal) {
      const call = { doing: `remove network ${id}`, fine: [404] };
      await client.json("DELETE", `/networks/${encodeURIComponent(id)}`, call, signal);
    },

    async connectNetwork(network, container, endpoint, signal) {
      const doing = `connect container ${container} to network ${network}`;
      const body = { Container: container, EndpointConfig: endpoint };
      const path = `/networks/${encodeURIComponent(network)}/connect`;
      await client.json("POST", path, { doing, body }, signal);
    },

    async disconnectNetwork(network, container, signal) {
      const doing = `disconnect container ${container} from network ${network}`;
      const path = `/networks/${encodeURIComponent(network)}/disconnect`;
      const call = { doing, body: { Container: container }, fine: [404] };
      try {
        await client.json("POST", path, call, signal);
      } catch (error) {
        if (!isNotConnected(error)) throw error;
      }
    },

    async createVolume(body, signal) {
      const call = { doing: `create volume ${body.Name}`, body };
      await client.json("POST", "/volumes/create", call, signal);
    },

    async removeVolume(name, signal) {
      const call = { doing: `remove volume ${name}`, fine: [404] };
      await client.json("DELETE", `/volumes/${encodeURIComponent(name)}`, call, signal);
    },
  };
}

/** Engines answer this with 403, 404 or 500, depending on their version. */
function isNotConnected(error: unknown): boolean {
  return error instanceof DsoError && /is not connected to/.test(error.message);
}
