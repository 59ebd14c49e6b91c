/**
 * A project that runs while its owner gives bad input: everything of it must stay as it is,
 * and it must go on answering.
 */
import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { createHome, type Home, type Project, type RunOptions } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { traceOf } from "./witness.ts";

export interface Parts {
  /** More lines of `environment:`, from line 9 of the file on. */
  readonly environment?: string;
  /** More keys of the service, after its environment. */
  readonly service?: string;
  readonly port?: number;
  readonly image?: string;
  /** Whatever follows the service. */
  readonly rest?: string;
}

export interface Standing extends AsyncDisposable {
  readonly home: Home;
  readonly project: Project;
  readonly image: string;
  /** A host port that nobody has. */
  readonly freePort: number;
  /** Writes compose.yaml: what runs, and these parts. */
  change(parts?: Parts): Promise<void>;
  /** Runs a command that must fail with these words and leave no trace; gives its output. */
  refused(words: readonly RegExp[], args?: string, options?: RunOptions): Promise<string>;
}

/** The value that the running service has; no message may hold it. */
const VALUE = "first-value-1234";

export async function createStanding(): Promise<Standing> {
  const image = await ensureTestImage("http");
  const home = await createHome();
  // Below those that the kernel and the engine give to whoever wants any.
  const port = 20_000 + (randomBytes(2).readUInt16BE() % 6_000);
  await home.setSecret("app/password", VALUE);
  await home.setSecret("app/other", VALUE);
  const project = await home.project({ "compose.yaml": compose(image, port, {}) }, "bad");
  await project.dso("up -d --wait");
  await answers(port);
  return {
    ...{ home, project, image, freePort: port + 6_000 },
    change: (parts = {}) => project.write("compose.yaml", compose(image, port, parts)),
    async refused(words, args = "apply -auto-approve", options = {}) {
      const before = await traceOf(home, project);
      const { stdout, stderr } = await project.dso(args, { ...options, status: 1 });
      for (const word of words) expect(stderr).toMatch(word);
      expect(`${stdout}${stderr}`).not.toMatch(/defect in DSO/);
      expect(`${stdout}${stderr}`).not.toContain(VALUE);
      expect(await traceOf(home, project)).toEqual(before);
      expect(before.openRotations).toEqual([]);
      await answers(port);
      return stdout;
    },
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}

function compose(image: string, port: number, parts: Parts): string {
  const lines = (text: string | undefined, indent: string): readonly string[] =>
    text === undefined ? [] : text.split("\n").map((line) => `${indent}${line}`);
  return [
    "services:",
    "  web:",
    `    image: ${parts.image ?? image}`,
    `    ports: ["127.0.0.1:${parts.port ?? port}:8080"]`,
    "    healthcheck:",
    '      { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/"], interval: 1s }',
    "    environment:",
    "      PASSWORD_FILE: dsofile://app/password",
    ...lines(parts.environment, "      "),
    ...lines(parts.service, "    "),
    ...lines(parts.rest, "  "),
    "",
  ].join("\n");
}

async function answers(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/cgi-bin/file?/run/secrets/app/password`);
  expect(await response.text()).toBe(VALUE);
}
