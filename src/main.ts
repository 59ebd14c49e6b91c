import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };

/** What `docker` asks every file in its plug-in folders; see its documentation of CLI plug-ins. */
const pluginMetadata = {
  SchemaVersion: "0.1.0",
  Vendor: "DSO",
  Version: manifest.version,
  ShortDescription: manifest.description,
};

/** The two answers that must come at once: nothing else of the program is loaded for them. */
function answerAtOnce(word: string | undefined): string | undefined {
  if (word === "--version" || word === "-v") return `dso ${manifest.version}`;
  if (word === "docker-cli-plugin-metadata") return JSON.stringify(pluginMetadata);
  return undefined;
}

const answer = answerAtOnce(process.argv[2]);
if (answer === undefined) {
  const { runProcess } = await import("./cli/process.ts");
  await runProcess({
    version: manifest.version,
    // Built, this file lies among the shims; else they are in the folder beside this one's.
    shims: join(import.meta.dirname, "../dist"),
  });
  // All is done and written: taking Node apart piece by piece would take longer than to end it.
  process.exit();
} else {
  process.stdout.write(`${answer}\n`);
}
