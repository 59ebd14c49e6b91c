/**
 * `node script/release/warm.ts PROGRAM OUTPUT`: runs the commands that must start fast, once, and
 * writes the code that V8 compiled for them. They get a home and an engine of their own.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { compileProgram, evaluateProgram } from "./compile.ts";
import { GENERATION, serveEngine } from "./engine.ts";

const COMMANDS = [
  ["init"],
  ["secret", "import", "secrets.env", "--prefix", "shop"],
  ["plan", "-detailed-exitcode"],
  ["status"],
];

const COMPOSE = `
name: shop
services:
  web:
    image: shop
    ports: ["8080:80"]
    environment:
      PASSWORD_FILE: dsofile://shop/password
    volumes: ["data:/data"]
    depends_on: [db]
    deploy: { replicas: 2 }
  db: { image: database, environment: [PASSWORD=dso://shop/password] }
volumes: { data: }
`;

/** What an apply would have left. Without the manifest root would mount a memory to look into. */
function writeState(directory: string): void {
  const text = { id: "0", name: "shop-web-1", service: "web", startedAt: "", updatedAt: "" };
  const rotation = { ...text, project: "shop", method: "create", status: "completed" };
  const versions = { "local:shop/password": "1" };
  const files = {
    "project-shop.json": { v: 1, history: [] },
    "rotations-shop.json": [{ ...rotation, step: "created" }],
    [`generations/shop/${GENERATION}.json`]: { v: 1, project: "shop", versions, files: [] },
  };
  mkdirSync(`${directory}/generations/shop`, { recursive: true, mode: 0o700 });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(`${directory}/${name}`, JSON.stringify(content), { mode: 0o600 });
  }
}

async function warmUp(program: ReturnType<typeof evaluateProgram>, home: string): Promise<void> {
  process.chdir(home);
  process.env = {
    PATH: process.env["PATH"],
    HOME: home,
    DSO_MEMORY_DIR: home,
    DOCKER_HOST: `unix://${home}/engine`,
  };
  writeFileSync("compose.yaml", COMPOSE);
  writeFileSync("secrets.env", "password=of-no-worth\n");
  writeState(`${home}/.dso/state`);
  const server = await serveEngine(`${home}/engine`);
  for (const command of COMMANDS) {
    process.argv.splice(2, Infinity, ...command);
    await program.runProcess({ version: "warm-up", shims: home });
    if (process.exitCode === 1) throw new Error(`warm-up: dso ${command.join(" ")} failed`);
    process.exitCode = 0;
  }
  server.close();
  server.closeAllConnections();
}

const [file = "", output = ""] = process.argv.slice(2).map((name) => path.resolve(name));
const script = compileProgram(file);
const home = mkdtempSync(path.join(tmpdir(), "dso-warm-"));
try {
  await warmUp(evaluateProgram(script, file), home);
  writeFileSync(output, script.createCachedData());
  // The program has set a umask that leaves nobody else in.
  chmodSync(output, 0o644);
} finally {
  rmSync(home, { recursive: true });
}
