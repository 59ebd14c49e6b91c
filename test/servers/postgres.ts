/** A PostgreSQL whose users OpenBao makes and drops. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Bao } from "./bao.ts";
import { freePorts, type ServerProcess, startServer } from "./process.ts";

const run = promisify(execFile);

export interface Postgres extends AsyncDisposable {
  /** Its socket lies here, and all of its data. */
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  /** Whether somebody may log in. */
  readonly lets: (user: string, password: string) => Promise<boolean>;
  /** Its users but its own one. */
  readonly users: () => Promise<readonly string[]>;
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
}

const OWN = "postgres";
const PASSWORD = "postgres-of-the-test";

/** As Debian's own user of it where we are root: as that it refuses to run. */
export async function startPostgres(): Promise<Postgres> {
  const directory = await mkdtemp(join(tmpdir(), "dso-postgres-"));
  const who = process.getuid?.() === 0 ? await idsOf(OWN) : undefined;
  if (who !== undefined) await chown(directory, who.uid, who.gid);
  const [data, secret] = [join(directory, "data"), join(directory, "password")];
  await writeFile(secret, PASSWORD);
  const environment = { HOME: directory, LC_ALL: "C", TZ: "UTC" };
  const init = ["-D", data, "-U", OWN, "--auth=password", `--pwfile=${secret}`, "--no-sync"];
  await run(join(programs(), "initdb"), init, { ...who, env: { ...environment } });
  const port = await freePorts();
  const query = async (user: string, password: string, text: string): Promise<string> => {
    const env = { ...environment, PATH: process.env["PATH"], PGPASSWORD: password };
    const args = ["-h", directory, "-p", String(port), "-U", user, "-d", OWN, "-XAtc", text];
    return (await run(join(programs(), "psql"), args, { env })).stdout.trim();
  };
  let server: ServerProcess | undefined;
  const start = async (): Promise<void> => {
    server = await startServer({
      ...{ program: join(programs(), "postgres"), environment, ...who },
      args: ["-D", data, "-k", directory, "-p", String(port), "-h", "127.0.0.1", "-F"],
      isReady: async () => (await query(OWN, PASSWORD, "select 1")) === "1",
    });
  };
  await start();
  const stop = async (): Promise<void> => {
    // At once, and not when the last of its clients has left.
    if (server !== undefined) process.kill(server.pid, "SIGINT");
    await server?.[Symbol.asyncDispose]();
    server = undefined;
  };
  const users = `select rolname from pg_roles where rolcanlogin and rolname <> '${OWN}' order by 1`;
  return {
    ...{ directory, port, password: PASSWORD, start, stop },
    lets: (user, password) =>
      query(user, password, "select 1").then(
        () => true,
        () => false,
      ),
    users: async () => (await query(OWN, PASSWORD, users)).split("\n").filter(Boolean),
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** Where Debian has it; the newest. */
function programs(): string {
  const root = "/usr/lib/postgresql";
  const [newest] = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return join(root, newest ?? "", "bin");
}

async function idsOf(user: string): Promise<{ readonly uid: number; readonly gid: number }> {
  const [uid, gid] = await Promise.all(["-u", "-g"].map((flag) => run("id", [flag, user])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}

const CREATE = `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`;

/** A database engine of that server; its roles by name, with their longest times. */
export async function mountDatabase(
  bao: Pick<Bao, "root">,
  { port, password }: Pick<Postgres, "port" | "password">,
  roles: Readonly<Record<string, readonly [ttl: string, longest: string]>>,
): Promise<void> {
  await bao.root("POST", "sys/mounts/database", { type: "database" });
  const url = `postgresql://{{username}}:{{password}}@127.0.0.1:${port}/postgres?sslmode=disable`;
  await bao.root("POST", "database/config/pg", {
    ...{ plugin_name: "postgresql-database-plugin", allowed_roles: "*", connection_url: url },
    ...{ username: OWN, password },
  });
  for (const [name, [ttl, longest]] of Object.entries(roles)) {
    await bao.root("POST", `database/roles/${name}`, {
      ...{ db_name: "pg", creation_statements: [CREATE], default_ttl: ttl, max_ttl: longest },
    });
  }
}
