/** What the schema lets pass of how an image is to be had, and nothing could be done with. */
import { combine, DsoError } from "../../model/errors.ts";
import { pullPolicyOf } from "../../model/images.ts";
import { variable, type Env } from "../discover.ts";
import { eachService } from "../services.ts";
import { invalid } from "../fault.ts";
import { entriesOf, get, isNull, itemsOf, scalar, textAt, withEntry } from "../node.ts";
import type { Mapping, Node } from "../node.ts";
import type { Trace } from "../trace.ts";

/** Rejects with every finding. */
export function checkImages(document: Mapping): void {
  const services = [...entriesOf(document.entries.get("services"))];
  const found = services.flatMap(([name, service]) => policyFaults(name, service));
  if (found.length > 0) throw combine(found);
  refuseCircles(new Map(services));
}

function policyFaults(name: string, service: Node): readonly DsoError[] {
  const policy = get(service, "pull_policy");
  const after = get(service, "pull_refresh_after");
  try {
    pullPolicyOf({ pull_policy: textAt(policy) ?? "", pull_refresh_after: textAt(after) ?? "" });
    return [];
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    const at = error.message.startsWith("pull_refresh_after") ? (after ?? policy) : policy;
    return [invalid(`services.${name}: ${error.message}`, (at ?? service).at, error.hint)];
  }
}

/** By service, the entries of `additional_contexts` that are other services. */
function contexts(service: Node | undefined): readonly (readonly [string, Node])[] {
  return [...entriesOf(get(service, "build", "additional_contexts"))].flatMap(
    ([, source]): (readonly [string, Node])[] => {
      const text = textAt(source) ?? "";
      return text.startsWith("service:") ? [[text.slice("service:".length), source]] : [];
    },
  );
}

/** Each would have to be built before the other. A chain may be as long as there are services. */
function refuseCircles(services: ReadonlyMap<string, Node>): void {
  const all = [...services].map(([name, service]) => [name, new Map(contexts(service))] as const);
  const waiting = new Map(all.filter(([, needs]) => needs.size > 0));
  for (let ready: readonly string[] | undefined; ready?.length !== 0;) {
    const isReady = (needs: ReadonlyMap<string, Node>): boolean =>
      [...needs.keys()].every((other) => !waiting.has(other));
    ready = [...waiting].flatMap(([name, needs]) => (isReady(needs) ? [name] : []));
    for (const name of ready) waiting.delete(name);
  }
  const [first] = waiting.keys();
  if (first === undefined) return;
  // Whoever still waits leads into a circle.
  const chain: string[] = [];
  let [name, at]: readonly [string, Node | undefined] = [first, undefined];
  while (!chain.includes(name)) {
    chain.push(name);
    [name, at] = [...(waiting.get(name) ?? [])].find(([other]) => waiting.has(other)) ?? [name, at];
  }
  const circle = [...chain.slice(chain.indexOf(name)), name].join(" -> ");
  throw invalid(`builds need each other: ${circle}`, at?.at);
}

/** What is built is for the platform of DOCKER_DEFAULT_PLATFORM, and the container is of it, where the file names none. */
export function applyDefaultPlatform(document: Mapping, env: Env, trace: Trace): Mapping {
  return eachService(document, (service) => {
    const build = service.entries.get("build");
    if (build === undefined || isNull(build) || textAt(service, "platform")) return service;
    const platform = variable(env, "DOCKER_DEFAULT_PLATFORM", trace);
    if (!platform) return service;
    const built = itemsOf(get(build, "platforms")).map((item) => textAt(item));
    if (built.length > 0 && !built.includes(platform)) {
      const message = `build.platforms lacks ${platform}, which DOCKER_DEFAULT_PLATFORM names`;
      throw invalid(message, (get(build, "platforms") ?? build).at);
    }
    return withEntry(service, "platform", scalar(platform, { ...build.at, literal: false }));
  });
}
