import { createServer, connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { countInbound, createSockets } from "../../src/docker/sockets.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid";
const line = (local: string, remote: string, state: string): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0`;

test("counts connections to ports that are listened on, and no others", () => {
  const table = [
    HEAD,
    line("00000000:1F90", "00000000:0000", "0A"),
    line("0200A8C0:1F90", "0300A8C0:D431", "01"),
    line("0200A8C0:1F90", "0300A8C0:D432", "06"),
    // Its handshake is over for the client, which may have asked already.
    line("0200A8C0:1F90", "0300A8C0:D434", "03"),
    // A pool of its own to a database.
    line("0200A8C0:D555", "0400A8C0:1538", "01"),
    HEAD,
    line("0000000000000000FFFF00000200A8C0:1F90", "0000000000000000FFFF00000300A8C0:D433", "01"),
    "",
  ].join("\n");
  expect(countInbound(table)).toBe(3);
});

test("of this very process, and nothing of one that is not here or of another host", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const here = createSockets(() => Promise.resolve(true));
  const before = (await here.inbound(process.pid)) ?? -1;
  // The table is that of all processes here, whose connections come and go: so many do not go at once.
  const clients = await Promise.all(
    Array.from({ length: 200 }, () => {
      return new Promise<Socket>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => resolve(socket));
      });
    }),
  );
  expect(await here.inbound(process.pid)).toBeGreaterThan(before);
  expect(await here.inbound(0)).toBeUndefined();
  expect(await createSockets(() => Promise.resolve(false)).inbound(process.pid)).toBeUndefined();
  for (const client of clients) client.destroy();
  server.close();
});
