/** The same project made by two programs on an engine that keeps what it is asked. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createBody, networkBody, volumeBody } from "../../src/compose/create/createBody.ts";
import { serviceHash } from "../../src/compose/output/hash.ts";
import { loadProject } from "../../src/compose/load.ts";
import { resolveShared } from "../../src/diff/namespaces.ts";
import { createEngine } from "../../src/docker/engine.ts";
import { readStoredFile } from "../../src/lib/namedFile.ts";
import type { ComposeProject } from "../../src/model/project.ts";
import { newestCompose, type Home } from "./cli.ts";
import { compared } from "./compared.ts";
import { recordingEngine, type Body, type Creation } from "./recordingEngine.ts";

export interface Made {
  readonly containers: ReadonlyMap<string, unknown>;
  readonly networks: ReadonlyMap<string, unknown>;
  readonly volumes: ReadonlyMap<string, unknown>;
}

const NAME = "made";
const FILES = {
  "profile.json":
    '{ "defaultAction": "SCMP_ACT_ALLOW",\n  "note": "<&> \\" kept", "big": 18446744073709551615 }',
  "labels.env": "team=file\nowner=two\n",
  "vars.env": "A=file\nB=two\n",
  "certificate.pem": "certificate",
};

/** A directory with the files that the cases name, and this compose file. */
export async function writeProject(home: Home, model: unknown): Promise<string> {
  const dir = await mkdtemp(join(home.path, "made-"));
  const files = { ...FILES, "compose.yaml": JSON.stringify(model) };
  for (const [file, text] of Object.entries(files)) await writeFile(join(dir, file), text);
  return dir;
}

export async function madeByCompose(home: Home, dir: string, api: string): Promise<Made> {
  await using engine = await recordingEngine(api);
  const environment = { DOCKER_HOST: engine.connection.endpoint, VALUE: "value" };
  await home.run(newestCompose(), ["-p", NAME, "create"], { cwd: dir, environment });
  return made(engine);
}

export async function madeByUs(home: Home, dir: string, api: string): Promise<Made> {
  await using recording = await recordingEngine(api);
  const signal = AbortSignal.timeout(60_000);
  const options = { cwd: dir, projectName: NAME, env: { VALUE: "value" }, home: home.path };
  const project = await loadProject(options, signal);
  const engine = createEngine(recording.connection);
  try {
    for (const [key, { external }] of project.networks) {
      if (external !== true)
        await engine.createNetwork(networkBody(project, key, "0", "v2"), signal);
    }
    for (const [key, { external }] of project.volumes) {
      if (external !== true) await engine.createVolume(volumeBody(project, key, "0"), signal);
    }
    for (const replica of replicasOf(project)) {
      const options = replica.platform === undefined ? {} : { platform: replica.platform };
      const body = bodyOf(project, replica, api);
      await engine.createContainer(replica.name, body, options, signal);
    }
  } finally {
    await engine.close();
  }
  return made(recording);
}

interface Replica {
  readonly service: string;
  readonly number: number;
  readonly name: string;
  readonly platform: string | undefined;
}

/** Dependencies first: whoever joins or links to another is sorted after it by the cases' names. */
function replicasOf(project: ComposeProject): readonly Replica[] {
  return [...project.services].flatMap(([service, model]) => {
    const count = model.scale ?? model.deploy?.replicas ?? 1;
    return Array.from({ length: count }, (_, index) => {
      const name = model.container_name ?? `${project.name}-${service}-${index + 1}`;
      return { service, number: index + 1, name, platform: model.platform };
    });
  });
}

function bodyOf(project: ComposeProject, { service, number, name }: Replica, api: string) {
  const model = project.services.get(service)!;
  const all = replicasOf(project);
  // What has no file on the host is put there by whoever makes the container.
  const delivered = [
    ...(model.secrets ?? []).map((one) => ({
      ...one,
      kind: "secrets" as const,
      base: "/run/secrets",
    })),
    ...(model.configs ?? []).map((one) => ({ ...one, kind: "configs" as const, base: "" })),
  ]
    .filter(({ kind, source }) => project[kind].get(source)?.file === undefined)
    .map(({ source, target = source, base }) =>
      target.startsWith("/") ? target : `${base}/${target}`,
    );
  const idOf = (other: string) => all.find((one) => one.service === other)?.name;
  return createBody(model, {
    ...{ project, serviceName: service, number, containerName: name, imageId: "", apiVersion: api },
    image: model.image ?? "",
    configHash: serviceHash(resolveShared(model, idOf), "v2"),
    containersOf: (other) =>
      all.filter((one) => one.service === other).map((one) => ({ id: one.name, name: one.name })),
    proxies: {},
    delivered: new Set(delivered),
    readFile: (path) => readStoredFile(path).toString("utf8"),
  });
}

function made({
  containers,
  networks,
  volumes,
}: Awaited<ReturnType<typeof recordingEngine>>): Made {
  const each = <T>(all: ReadonlyMap<string, T>, compared: (one: T) => unknown) =>
    new Map([...all].map(([name, one]) => [name, compared(one)]));
  return {
    containers: each(containers, comparedContainer),
    networks: each(networks, compared),
    volumes: each(volumes, compared),
  };
}

/** However many endpoints this engine takes at once: all that the container gets. */
function comparedContainer({ platform, body, connected }: Creation): unknown {
  const { NetworkingConfig, ...rest } = body as { NetworkingConfig?: { EndpointsConfig?: Body } };
  const endpoints = { ...NetworkingConfig?.EndpointsConfig, ...Object.fromEntries(connected) };
  return { platform, ...(compared({ ...rest, endpoints }) as Body) };
}
