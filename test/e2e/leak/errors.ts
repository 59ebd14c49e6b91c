/** Every command given what it must refuse, with all that it can tell of it. */
import { cp, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { tinyDisk } from "../../fixtures/tinyDisk.ts";
import { ROOT } from "../cli.ts";
import { attempt, dso, type Life } from "./life.ts";
import { refusedOnly, sealedOnly } from "./project.ts";
import { createRefusing } from "./refusing.ts";

const DEBUG = { DSO_LOG: "debug" };

const REFUSED = [
  ...["show nowhere.plan", "show compose.yaml", "apply nowhere.plan", "apply first.plan"],
  ...[
    "plan -target=nowhere",
    "plan -f nowhere.yaml",
    "plan -f missing.yaml",
    "validate -f bad.yaml",
  ],
  ...[
    "plan -json -f missing.yaml",
    "apply -json -auto-approve -f missing.yaml",
    "up -d -f bad.yaml",
  ],
  ...["exec nowhere -- true", "run nowhere -- true", "logs nowhere", "status nowhere", "reconcile"],
  ...["rollback nowhere", "drift -f bad.yaml", "compose nowhere", "compose config -f bad.yaml"],
  ...[
    "secret get app/password",
    "secret get app/none",
    "secret history app/none",
    "secret rm app/none",
  ],
  ...["secret rollback app/password --to 99", "secret uses app/none", "bootstrap nowhere"],
  ...["bootstrap local", "config show", "force-unlock", "history -f bad.yaml", "down -f bad.yaml"],
];

/** Wrong words, wrong files, wrong values. */
export async function errorPaths(life: Life): Promise<void> {
  const { project, values } = life;
  await project.write(
    "missing.yaml",
    "services: { a: { image: b, environment: { A: dso://no } } }",
  );
  await project.write(
    "bad.yaml",
    'services: { a: { image: b, command: "x {{dso://app/token}}" } }',
  );
  for (const args of REFUSED) await attempt(life, args, { environment: DEBUG });
  const { imported: input } = values;
  for (const args of [
    "secret set ../up",
    "secret set a//b",
    "secret set app/key#",
    "secret nowhere",
  ])
    await attempt(life, args, { input, environment: DEBUG });
  const file = `GOOD=x\nNOT GOOD='${input}'\nOPEN="${input}\nNONE\n`;
  await attempt(life, "secret import -", { input: file, environment: DEBUG });
  await attempt(life, "secret import --dry-run - --prefix app//x", { input: file });
}

/** An engine that quotes what it refuses, a memory that is none, and one that is full. */
export async function refusals(life: Life, image: string): Promise<number> {
  const { home, values } = life;
  await dso(life, "secret set app/refused", { input: values.refused });
  const files = { "compose.yaml": refusedOnly(image) };
  const project = await home.project(files, "refused");
  const own = { ...life, project };
  await using refusing = await createRefusing(process.env["DOCKER_HOST"] ?? "");
  const environment = { ...DEBUG, DOCKER_HOST: refusing.host };
  for (const args of [
    "apply -auto-approve",
    "apply -auto-approve -json",
    "run --no-deps open -- true",
  ])
    await attempt(own, args, { environment });
  await attempt(own, "status --json", { environment: DEBUG });
  await mkdir("/var/tmp/no-memory");
  await using narrow = await tinyDisk(4);
  for (const path of ["/var/tmp/no-memory", "/proc/nowhere", narrow.path]) {
    const denied = { ...DEBUG, DSO_MEMORY_DIR: path };
    await attempt(own, "apply -auto-approve -target=service.hidden", { environment: denied });
  }
  return refusing.refused.filter((body) => body.includes(values.refused.slice(0, 30))).length;
}

/** The same release without its shims: the image's shell brings the variables. */
export async function withoutShim(life: Life, image: string): Promise<string> {
  const { home, values } = life;
  const release = "/var/tmp/release";
  await mkdir(join(release, ".tools"), { recursive: true });
  for (const name of ["bin", "dist"])
    await cp(join(ROOT, name), join(release, name), { recursive: true, preserveTimestamps: true });
  await symlink(join(ROOT, ".tools/bin"), join(release, ".tools/bin"));
  for (const name of await readdir(join(release, "dist")))
    if (name.startsWith("shim-")) await rm(join(release, "dist", name));
  const project = await home.project({ "compose.yaml": sealedOnly(image) }, "shelled");
  const own = { ...life, project };
  const environment = { PATH: `${release}/bin:${home.environment["PATH"] ?? ""}` };
  await dso(own, "secret set app/shelled", { input: values.shelled, environment });
  await dso(own, "apply -auto-approve -json", { environment });
  const { stdout } = await home.run("docker", ["inspect", `${project.name}-shelled-1`]);
  const input = values.shelledBad;
  const failure = await dso(own, "secret set app/shelled", { input, status: 1, environment });
  await dso(own, "down", { environment });
  return `${/"\/bin\/sh",\s*"-c",\s*"\. \/\.dso/.test(stdout) ? "by the shell" : "not by it"}\n${failure}`;
}
