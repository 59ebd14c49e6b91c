/**
 * The images that end-to-end tests run. No registry is asked: they are made of
 * Debian's static busybox (`apt-get install busybox-static`) and kept between runs.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const BASE = "dso-test/busybox:1";

/** A bind by which a container runs the machine's own programs: `chroot /host …`. */
export const HOST = "/:/host:ro";

/** Runs until SIGTERM, which a bare `sleep` as PID 1 would ignore. */
const IDLE = String.raw`#!/bin/sh\ntrap "exit 0" TERM INT\nsleep 2147483647 &\nwait\n`;

/** `/` answers "ok"; `/cgi-bin/env?NAME` and `/cgi-bin/file?PATH` answer with what the container has. */
const SERVE = String.raw`#!/bin/sh\ntrap "exit 0" TERM INT\nhttpd -f -p 8080 -h /www &\nwait\n`;
const CGI_ENV = String.raw`#!/bin/sh\nprintf "Content-Type: text/plain\r\n\r\n"\nenv | grep "^$QUERY_STRING=" | cut -d= -f2-\n`;
const CGI_FILE = String.raw`#!/bin/sh\nprintf "Content-Type: text/plain\r\n\r\n"\ncat "$QUERY_STRING"\n`;

const put = (path: string, text: string): string =>
  `RUN mkdir -p $(dirname ${path}) && printf '${text.replaceAll("%", "%%")}' > ${path} && chmod 755 ${path}`;

const RECIPES = {
  /** Every busybox applet; `idle` (the default command) runs until it is told to stop. */
  base: {
    tag: BASE,
    lines: [
      "FROM scratch",
      "COPY busybox /bin/busybox",
      'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
      "RUN mkdir -p /etc /tmp /run /var && ln -s /run /var/run && chmod 1777 /tmp",
      `RUN printf 'root:x:0:0::/:/bin/sh\\napp:x:1000:1001::/:/bin/sh\\n' > /etc/passwd`,
      `RUN printf 'root:x:0:\\napp:x:1001:\\n' > /etc/group && ln -s /etc/group /etc/group-link`,
      put("/bin/idle", IDLE),
      'CMD ["/bin/idle"]',
    ],
  },
  /** Serves HTTP on port 8080; see `SERVE`. */
  http: {
    tag: "dso-test/http:1",
    lines: [
      `FROM ${BASE}`,
      put("/bin/serve", SERVE),
      put("/www/cgi-bin/env", CGI_ENV),
      put("/www/cgi-bin/file", CGI_FILE),
      "RUN echo ok > /www/index.html",
      "EXPOSE 8080",
      'CMD ["/bin/serve"]',
    ],
  },
  /** Healthy as long as `/tmp/unhealthy` does not exist. */
  health: {
    tag: "dso-test/health:1",
    lines: [
      `FROM ${BASE}`,
      "HEALTHCHECK --interval=1s --timeout=5s --retries=1 CMD test ! -e /tmp/unhealthy",
    ],
  },
  /** Declares the volume `/data`. */
  volume: {
    tag: "dso-test/volume:1",
    lines: [`FROM ${BASE}`, "RUN mkdir /data && echo seed > /data/seed", "VOLUME /data"],
  },
  /** Writes "bye" and ends with 3. */
  exits: {
    tag: "dso-test/exits:1",
    lines: [`FROM ${BASE}`, `CMD ["/bin/sh", "-c", "echo bye; exit 3"]`],
  },
  /** Has to be killed: as PID 1, `sleep` does not hear SIGTERM. */
  stubborn: { tag: "dso-test/stubborn:1", lines: [`FROM ${BASE}`, `CMD ["sleep", "2147483647"]`] },
  /** One program, which serves its own root on port 8080; no shell. */
  bare: {
    tag: "dso-test/bare:1",
    lines: [
      `FROM ${BASE} AS base`,
      "FROM scratch",
      "COPY --from=base /bin/busybox /httpd",
      'CMD ["/httpd", "-f", "-p", "8080", "-h", "/"]',
    ],
  },
  /** Runs as `app`, 1000:1001. */
  user: { tag: "dso-test/user:1", lines: [`FROM ${BASE}`, "USER app"] },
} as const;

export type TestImage = keyof typeof RECIPES;

/** Builds the image unless this very recipe was built before; answers its tag. */
export async function ensureTestImage(kind: TestImage = "base"): Promise<string> {
  const { tag } = RECIPES[kind];
  const recipe = recipeHash(kind);
  if ((await builtRecipe(tag)) === recipe) return tag;
  if (kind !== "base") await ensureTestImage("base");
  const context = await mkdtemp(join(tmpdir(), "dso-test-image-"));
  try {
    const lines = [...RECIPES[kind].lines, `LABEL dso.test.recipe=${recipe}`];
    await writeFile(join(context, "Dockerfile"), lines.join("\n") + "\n");
    if (kind === "base") await copyFile(busyboxPath(), join(context, "busybox"));
    const env = { ...process.env, DOCKER_BUILDKIT: "0" };
    await run("docker", ["build", "--quiet", "--tag", tag, context], { env });
  } finally {
    await rm(context, { recursive: true });
  }
  return tag;
}

export async function removeImage(tag: string): Promise<void> {
  await run("docker", ["image", "rm", tag]);
}

function busyboxPath(): string {
  return process.env.DSO_TEST_BUSYBOX ?? "/bin/busybox";
}

function recipeHash(kind: TestImage): string {
  const text = JSON.stringify([RECIPES.base.lines, RECIPES[kind].lines]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

async function builtRecipe(tag: string): Promise<string> {
  const format = '{{ index .Config.Labels "dso.test.recipe" }}';
  const args = ["image", "ls", "--quiet", tag];
  const listed = await run("docker", args);
  if (listed.stdout.trim() === "") return "";
  const shown = await run("docker", ["image", "inspect", "--format", format, tag]);
  return shown.stdout.trim();
}
