/**
 * `node resident.ts`: for each line `{ "secret": …, "version": …, "environment": … }` on standard input
 * one `dso secret set`, all by this one process; answers each with a line. A process that waits for
 * changes has been started long before one comes.
 */
import { createInterface } from "node:readline";
import { runProgram } from "../src/cli/program.ts";
import { wire } from "../src/wire.ts";
import { createFakeSession } from "../test/fakes/session.ts";

interface Order {
  readonly secret: string;
  readonly version: string;
  readonly environment: Readonly<Record<string, string>>;
}

async function setSecret({ secret, version, environment: more }: Order): Promise<void> {
  const environment = { ...process.env, ...more };
  const cwd = process.cwd();
  const session = createFakeSession({
    ...{ environment: environment as Record<string, string>, cwd },
    connect: ({ configFile }) =>
      wire({ cwd, environment, configFile, version: "4.0.0-bench", signal: session.signal }),
  });
  const status = await runProgram(["secret", "set", secret, version], session);
  if (status !== 0) throw new Error(session.written.error());
}

for await (const line of createInterface({ input: process.stdin })) {
  await setSecret(JSON.parse(line) as Order);
  process.stdout.write("done\n");
}
