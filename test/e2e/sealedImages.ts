/**
 * Images of different kinds, made of this machine's own programs and the libraries that these name;
 * `apt-get install postgresql redis-server` brings the servers, script/test does so. Kept between runs.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { ensureTestImage } from "./image.ts";

const run = promisify(execFile);
const PREFIX = "dso-test/sealed-";

const IDLE = '#!/bin/sh\ntrap "exit 7" TERM\ntrap "exit 8" INT\nsleep 2147483647 &\nwait\n';
const PASSWD = "root:x:0:0::/:/bin/sh\napp:x:1000:1001::/:/bin/sh\npostgres:x:70:70::/:/bin/sh\n";
const GROUP = "root:x:0:\napp:x:1001:\npostgres:x:70:\n";

/** What the official image does before the first start: the password comes from the variable, once. */
const POSTGRES = `#!/usr/bin/bash
set -euo pipefail
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown postgres "$PGDATA"
  chmod 700 "$PGDATA"
  exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -z "\${POSTGRES_PASSWORD-}" ]; then
    echo "Error: Database is uninitialized and superuser password is not specified." >&2
    exit 1
  fi
  initdb --username=postgres --pwfile=<(printf '%s\\n' "$POSTGRES_PASSWORD") --no-sync
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec "$@"
`;

/** Answers with what its environment has. */
const NODE_APP = `process.once("SIGTERM", () => process.exit(0));
require("node:http").createServer((request, response) => {
  response.end(String(process.env[decodeURIComponent(request.url.slice(1))]));
}).listen(8080);
`;

interface Recipe {
  readonly from: "scratch" | "busybox" | "debian";
  /** Copied to where they are here, with their libraries. */
  readonly programs?: readonly string[];
  /** Whole directories, copied to where they are here; `skip` tells which names not. */
  readonly trees?: readonly string[];
  readonly skip?: RegExp;
  /** Path to text; all may be run. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly lines: readonly string[];
}

export type Kind = "debian" | "postgres" | "redis" | "node" | "shellForm" | "dotted";

const DEBIAN_PROGRAMS =
  "bash cat chmod chown dash echo env id ls mkdir rm setpriv sleep test true tty".split(" ");

async function recipeOf(kind: Kind): Promise<Recipe> {
  switch (kind) {
    case "debian":
      return {
        from: "scratch",
        programs: DEBIAN_PROGRAMS.map((name) => `/usr/bin/${name}`),
        texts: { "/usr/bin/idle": IDLE, "/etc/passwd": PASSWD, "/etc/group": GROUP },
        lines: ["ENV PATH=/usr/local/bin:/usr/bin:/bin", 'ENTRYPOINT ["idle"]', 'CMD ["a", "b c"]'],
      };
    case "postgres": {
      const home = await postgresHome();
      const names = ["initdb", "pg_isready", "postgres", "psql"];
      return {
        from: "debian",
        programs: names.map((name) => join(home, "bin", name)),
        trees: [join(home, "lib"), `/usr/share/postgresql/${basename(home)}`],
        skip: /^(bitcode|llvmjit.*|pgxs|man)$/,
        texts: { "/usr/local/bin/docker-entrypoint.sh": POSTGRES },
        lines: [
          `ENV PATH=${join(home, "bin")}:/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/data TZ=GMT`,
          'ENTRYPOINT ["docker-entrypoint.sh"]',
          "STOPSIGNAL SIGINT",
          'CMD ["postgres", "-c", "unix_socket_directories=/tmp", "-c", "listen_addresses=*"]',
        ],
      };
    }
    case "redis":
      return {
        from: "debian",
        programs: ["/usr/bin/redis-server", "/usr/bin/redis-cli"],
        lines: [
          'ENTRYPOINT []\nCMD exec redis-server --save "" --requirepass "$REDIS_PASSWORD"',
          'HEALTHCHECK --interval=1s CMD [ "$(redis-cli -a "$REDIS_PASSWORD" ping)" = PONG ]',
        ],
      };
    case "node":
      return {
        from: "scratch",
        programs: [process.execPath],
        texts: { "/app/server.js": NODE_APP },
        lines: [
          `ENTRYPOINT ["${process.execPath}"]`,
          'CMD ["server.js"]',
          "WORKDIR /app\nUSER 1000:1001",
        ],
      };
    case "shellForm":
      return {
        from: "debian",
        lines: [
          'SHELL ["/usr/bin/bash", "-euc"]',
          'ENTRYPOINT [[ -n $PLAIN ]]; printf %s "$TRICKY" >/tmp/tricky; exec idle "$0" "$@"',
          "CMD echo unused",
          'HEALTHCHECK --interval=1s CMD test -n "$TRICKY" -a -z "$BASH_VERSION" -a -s /tmp/tricky',
        ],
      };
    case "dotted":
      return {
        from: "busybox",
        lines: ["ENV java.home=/jre\nENV my-own=x UPPER=y", 'CMD ["/bin/idle"]'],
      };
  }
}

async function postgresHome(): Promise<string> {
  const home = "/usr/lib/postgresql";
  const versions = await readdir(home).catch(() => []);
  const newest = versions.sort().at(-1);
  if (newest === undefined) throw new Error("apt-get install postgresql: its programs are missing");
  return join(home, newest);
}

/** Builds the image unless this very recipe was built before; answers its tag. */
export async function ensureSealedImage(kind: Kind): Promise<string> {
  const recipe = await recipeOf(kind);
  const base = await baseOf(recipe);
  const hash = createHash("sha256")
    .update(JSON.stringify([recipe, base]))
    .digest("hex");
  const tag = `${PREFIX}${kind.toLowerCase()}:${hash.slice(0, 16)}`;
  if ((await run("docker", ["image", "ls", "--quiet", tag])).stdout.trim() !== "") return tag;
  const context = await mkdtemp(join(tmpdir(), "dso-test-image-"));
  try {
    await fill(join(context, "root"), recipe);
    const lines = [`FROM ${base}`, "COPY root/ /", ...recipe.lines, ""];
    await writeFile(join(context, "Dockerfile"), lines.join("\n"));
    const env = { ...process.env, DOCKER_BUILDKIT: "0" };
    await run("docker", ["build", "--quiet", "--tag", tag, context], { env });
  } finally {
    await rm(context, { recursive: true });
  }
  return tag;
}

async function baseOf({ from }: Recipe): Promise<string> {
  if (from === "scratch") return from;
  return from === "busybox" ? ensureTestImage("base") : ensureSealedImage("debian");
}

async function fill(root: string, recipe: Recipe): Promise<void> {
  const { programs = [], trees = [], texts = {}, skip } = recipe;
  await mkdir(root);
  const libraries = await Promise.all(programs.map(librariesOf));
  for (const path of new Set([...programs, ...libraries.flat()])) await copy(path, root);
  for (const tree of trees) {
    const filter = (path: string): boolean => skip?.test(basename(path)) !== true;
    await cp(tree, join(root, tree), { recursive: true, filter });
  }
  const scratch = recipe.from === "scratch" && programs.some((path) => path.endsWith("/dash"));
  if (scratch) {
    await mkdir(join(root, "bin"));
    await mkdir(join(root, "tmp"));
    await chmod(join(root, "tmp"), 0o1777);
    await cp(join(root, "usr/bin/dash"), join(root, "bin/sh"));
  }
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text, { mode: 0o755 });
  }
}

/** Links are followed: what a name means here, it is there. */
async function copy(path: string, root: string): Promise<void> {
  await cp(path, join(root, path), { dereference: true });
}

async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await run("ldd", [program]);
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = ""]) => path);
}
