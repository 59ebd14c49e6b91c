/** What it costs to read large projects, next to Docker Compose; no engine is asked. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newestCompose } from "../test/e2e/cli.ts";
import { temporaryDirectory } from "../test/fixtures/temporary.ts";
import { race, type Runner } from "./race.ts";
import { stageRelease } from "./release.ts";
import { ratioRow, type Row } from "./table.ts";

const MANY = 1000;
const TIMES = 4;
/** Of four times as many services: four, and what a start costs does not grow at all. */
const GROWTH = 4.4;

/** With what most services have, an anchor and a variable among it. */
function service(index: number): string {
  const before = index === 0 ? [] : [`    depends_on: [app${index - 1}]`];
  return [
    `  app${index}:`,
    "    <<: *all",
    `    image: "registry.example/app\${SUFFIX:-}:${index}"`,
    `    environment: { LEVEL: info, NUMBER: ${index}, TOKEN_FILE: "dsofile://bench/token" }`,
    `    ports: ["${10_000 + index}:80"]`,
    `    volumes: ["./data/${index}:/data:ro", "kept:/kept"]`,
    "    healthcheck: { test: [CMD, /ready], interval: 5s }",
    ...before,
  ].join("\n");
}

function projectOf(count: number): string {
  const all = "x-all: &all { restart: unless-stopped, labels: { team: shop } }";
  const services = Array.from({ length: count }, (_, index) => service(index));
  return [all, "services:", ...services, "volumes: { kept: {} }", ""].join("\n");
}

export async function measureLoader(rounds: number): Promise<Row[]> {
  await using directory = await temporaryDirectory();
  const dso = await stageRelease(join(directory.path, "release"));
  const place = async (count: number): Promise<string> => {
    const path = join(directory.path, `of-${count}`);
    await mkdir(path);
    await writeFile(join(path, "compose.yaml"), projectOf(count));
    return path;
  };
  const [few, more] = [await place(MANY), await place(MANY * TIMES)];
  const environment = { PATH: process.env["PATH"], HOME: directory.path };
  const ask = ["config", "--quiet"] as const;
  const runner = (name: string, cwd: string, ...argv: Runner["argv"]): Runner => ({
    ...{ name, argv, cwd, environment },
  });
  const theirs = runner(`docker-compose config, ${MANY} services`, few, newestCompose(), ...ask);
  const own = runner(`dso compose config, ${MANY} services`, few, dso, "compose", ...ask);
  const grown = runner(`the same, ${MANY * TIMES}`, more, dso, "compose", ...ask);
  const times = race([theirs, own, grown], rounds);
  const measured = (one: Runner) => ({ name: one.name, times: times.get(one) ?? [] });
  return [
    ratioRow(measured(own), measured(theirs), 1),
    ratioRow(measured(grown), measured(own), GROWTH),
  ];
}
