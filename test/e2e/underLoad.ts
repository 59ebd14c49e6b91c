/** A service that says which version of its secret it has, and somebody who asks it all the time. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { ROOT, type Home, type Project } from "./cli.ts";
import { ensureTestImage, HOST } from "./image.ts";
import { startLoop } from "./loop.ts";
import type { Loop } from "./requestLoop.ts";

export interface App {
  /** Seconds from its start until it serves. */
  readonly boot?: number;
  /** What serves; both end at once on SIGTERM, whoever is connected. */
  readonly program?: "busybox" | "node";
  /** Lines of its service. */
  readonly more?: readonly string[];
}

/** This machine's own Node, which the container borrows with all that it needs. */
const HOST_VOLUME = `volumes: [${HOST}]`;
const NODE = `export VERSION=$(cat /run/secrets/version); exec chroot /host ${process.execPath} ${join(ROOT, "test/fixtures/server.ts")}`;
const BUSYBOX = "cat /run/secrets/version > /www/index.html; exec /bin/serve";

export async function composeOf({
  boot = 0,
  program = "busybox",
  more = [],
}: App = {}): Promise<string> {
  const image = await ensureTestImage("http");
  const script = `sleep ${boot}; ${program === "node" ? NODE : BUSYBOX}`;
  return [
    "services:",
    "  web:",
    `    image: ${image}`,
    `    command: [sh, -c, ${JSON.stringify(script.replaceAll("$", "$$$$"))}]`,
    "    restart: always",
    "    environment: { VERSION_FILE: dsofile://version }",
    "    networks: { default: { aliases: [shop] } }",
    "    x-dso: { health: { http: { port: 8080, path: / } }, drain: 4s }",
    ...(program === "node" ? [HOST_VOLUME, ...more] : more).map((line) => `    ${line}`),
    "  client:",
    `    image: ${image}`,
    "    command: [/bin/idle]",
    "    restart: always",
    "",
  ].join("\n");
}

/** All of it runs, with version `v0`. */
export async function startApp(home: Home, text: string): Promise<Project> {
  await home.setSecret("version", "v0");
  const project = await home.project({ "compose.yaml": text }, "bg");
  await project.dso("up -d --wait");
  return project;
}

export interface Asking {
  readonly name: string;
  readonly perSecond?: number;
  readonly mode?: "keep-alive" | "resolve-once";
}

/** What was counted while `work` was done, and a little before and after; printed, too. */
export async function underLoad(
  home: Home,
  project: Project,
  { name, perSecond = 200, mode }: Asking,
  work: () => Promise<void>,
): Promise<Loop> {
  const args = [name, "8080", String(perSecond), ...(mode === undefined ? [] : [mode])] as const;
  const loop = await startLoop(home, `${project.name}-client-1`, ...args);
  let counted: Loop;
  try {
    await sleep(300);
    await work();
    await sleep(300);
  } finally {
    counted = await loop.stop();
  }
  const { sent, failed, slowestMs, longestGapMs } = counted;
  const figures = { sent, failed, slowestMs, longestGapMs };
  process.stdout.write(`asked as ${args.join(" ")}: ${JSON.stringify(figures)}\n`);
  return counted;
}

/** Sets one version after the other, and answers when each was all there was, by its name. */
export async function rotateThrough(
  home: Home,
  versions: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const replaced = new Map<string, number>();
  for (const version of versions) {
    await home.setSecret("version", version);
    replaced.set(version, Date.now());
  }
  return replaced;
}

export interface Crowd {
  /** Takes them all away once at least so many have come. */
  leave(least: number): Promise<void>;
}

/** One container after the other starts on the project's network, and takes what address is free. */
export function startCrowd(home: Home, { name }: Project): Crowd {
  const ids: string[] = [];
  let full = false;
  const come = async (): Promise<void> => {
    const image = await ensureTestImage("http");
    while (!full) {
      const run = ["run", "-d", "--network", `${name}_default`, image, "/bin/idle"];
      ids.push((await home.run("docker", run)).stdout.trim());
      await sleep(200);
    }
  };
  const coming = come();
  return {
    async leave(least) {
      // How fast they come depends on how busy the machine is.
      while (ids.length < least) await Promise.race([sleep(50), coming]);
      full = true;
      await coming;
      await home.run("docker", ["rm", "-f", ...ids]);
    },
  };
}

/** Every version was heard, in their order, and none once it had been replaced. */
export function expectNoneOfTheOld(
  { heard, lastAt, last }: Loop,
  replaced: ReadonlyMap<string, number>,
): void {
  const versions = [...replaced.keys()];
  expect(Object.keys(heard)).toEqual(["v0", ...versions]);
  expect(last).toBe(versions.at(-1));
  const after = versions.flatMap((version, index) => {
    const before = index === 0 ? "v0" : versions[index - 1]!;
    return lastAt[before]! <= replaced.get(version)! ? [] : [`${before} after ${version}`];
  });
  expect(after).toEqual([]);
}
