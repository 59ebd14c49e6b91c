/** What must fit together in a project: names that are used exist, values do not contradict. */
import { combine } from "../../model/errors.ts";
import type { DsoError } from "../../model/errors.ts";
import { invalid } from "../fault.ts";
import { entriesOf, get, itemsOf, textAt } from "../node.ts";
import type { Mapping, Node } from "../node.ts";

interface Subject {
  readonly name: string;
  readonly service: Node;
  readonly document: Mapping;
  /** The same before services were switched off. */
  readonly whole: Mapping;
}

type Check = (subject: Subject) => readonly DsoError[];

const CHECKS: readonly Check[] = [
  hasImage,
  dockerfileOnce,
  platformIsBuilt,
  networkModeAlone,
  healthTestKind,
  dependenciesExist,
  resourcesExist,
  limitsAgree,
  oneContainerPerName,
  contextsExist,
  watchHasTarget,
  mountsDiffer,
];

/** Of what is switched on in `whole`. Rejects with every finding. */
export function checkProject(document: Mapping, whole: Mapping): Mapping {
  const services = [...entriesOf(document.entries.get("services"))];
  const findings = services.flatMap(([name, service]) =>
    CHECKS.flatMap((check) => check({ name, service, document, whole })),
  );
  const all = [...findings, ...secretsHaveSources(document), ...namesDiffer(services)];
  if (all.length > 0) throw combine(all);
  checkCycles(services);
  return document;
}

function fault(subject: Subject, what: string, at: Node | undefined, hint?: string): DsoError {
  return invalid(`services.${subject.name}: ${what}`, (at ?? subject.service).at, hint);
}

function hasImage(subject: Subject): readonly DsoError[] {
  const { service } = subject;
  const source = get(service, "build") ?? get(service, "provider") ?? textAt(service, "image");
  if (source !== undefined && source !== "") return [];
  return [fault(subject, "has neither image nor build", undefined, "Add image: or build:.")];
}

function dockerfileOnce(subject: Subject): readonly DsoError[] {
  const build = get(subject.service, "build");
  if (!textAt(build, "dockerfile") || !textAt(build, "dockerfile_inline")) return [];
  return [fault(subject, "dockerfile and dockerfile_inline exclude each other", build)];
}

function platformIsBuilt(subject: Subject): readonly DsoError[] {
  const platform = textAt(subject.service, "platform");
  const platforms = get(subject.service, "build", "platforms");
  const built = itemsOf(platforms).map((item) => textAt(item));
  if (!platform || built.length === 0 || built.includes(platform)) return [];
  return [fault(subject, `build.platforms lacks the platform ${platform}`, platforms)];
}

function networkModeAlone(subject: Subject): readonly DsoError[] {
  const mode = get(subject.service, "network_mode");
  if (!textAt(mode) || entriesOf(get(subject.service, "networks")).size === 0) return [];
  return [fault(subject, "network_mode and networks exclude each other", mode)];
}

function healthTestKind(subject: Subject): readonly DsoError[] {
  const test = get(subject.service, "healthcheck", "test");
  const kind = textAt(test, 0);
  if (kind === undefined || ["CMD", "CMD-SHELL", "NONE"].includes(kind)) return [];
  return [fault(subject, "healthcheck.test must begin with CMD, CMD-SHELL or NONE", test)];
}

function dependenciesExist(subject: Subject): readonly DsoError[] {
  const services = entriesOf(subject.document.entries.get("services"));
  return [...entriesOf(get(subject.service, "depends_on"))]
    .filter(([name]) => !services.has(name))
    .map(([name, at]) =>
      fault(
        subject,
        `depends on ${name}, which is not there`,
        at,
        "Define it, or enable its profile.",
      ),
    );
}

/** What another service builds may be a context of this build, also where that one is switched off. */
function contextsExist(subject: Subject): readonly DsoError[] {
  const services = entriesOf(subject.whole.entries.get("services"));
  return [...entriesOf(get(subject.service, "build", "additional_contexts"))].flatMap(
    ([name, at]) => {
      const wanted = /^service:(.*)$/s.exec(textAt(at) ?? "")?.[1];
      const other = wanted === undefined ? undefined : services.get(wanted);
      if (wanted === undefined || get(other, "build") !== undefined) return [];
      const why = other === undefined ? "is not there" : "builds nothing";
      return [fault(subject, `the build context ${name} is of ${wanted}, which ${why}`, at)];
    },
  );
}

function watchHasTarget(subject: Subject): readonly DsoError[] {
  return itemsOf(get(subject.service, "develop", "watch"))
    .filter((item) => !textAt(item, "target"))
    .filter((item) => !["rebuild", "restart"].includes(textAt(item, "action") ?? ""))
    .map((item) => fault(subject, "develop.watch: target is missing", item));
}

/** Of two mounts at one place the container would see one. */
function mountsDiffer(subject: Subject): readonly DsoError[] {
  const { service } = subject;
  const places = [
    ...itemsOf(get(service, "tmpfs")).map((at) => [textAt(at)?.split(":")[0] ?? "", at] as const),
    ...itemsOf(get(service, "volumes")).map((at) => [textAt(at, "target") ?? "", at] as const),
  ];
  const first = new Map([...places].reverse());
  return places
    .filter(([place, at]) => first.get(place) !== at)
    .map(([place, at]) => fault(subject, `something else is mounted at ${place}`, at));
}

function resourcesExist(subject: Subject): readonly DsoError[] {
  const { service, document } = subject;
  const uses: readonly (readonly [kind: string, name: string, at: Node])[] = [
    ...[...entriesOf(get(service, "networks"))].map(([key, at]) => ["network", key, at] as const),
    ...[...entriesOf(get(service, "models"))].map(([key, at]) => ["model", key, at] as const),
    ...itemsOf(get(service, "volumes"))
      .filter((item) => textAt(item, "type") === "volume" && textAt(item, "source"))
      .map((item) => ["volume", textAt(item, "source") ?? "", item] as const),
    ...grants(get(service, "secrets"), "secret"),
    ...grants(get(service, "build", "secrets"), "secret"),
    ...grants(get(service, "configs"), "config"),
  ];
  return uses
    .filter(([kind, name]) => !entriesOf(document.entries.get(`${kind}s`)).has(name))
    .map(([kind, name, at]) =>
      fault(
        subject,
        `uses the ${kind} ${name}, which is not there`,
        at,
        `Declare it in ${kind}s:.`,
      ),
    );
}

function grants(node: Node | undefined, kind: string) {
  return itemsOf(node).map((item) => [kind, textAt(item, "source") ?? "", item] as const);
}

const LIMITS: readonly (readonly [own: string, ...deploy: string[]])[] = [
  ["cpus", "resources", "limits", "cpus"],
  ["mem_limit", "resources", "limits", "memory"],
  ["mem_reservation", "resources", "reservations", "memory"],
  ["pids_limit", "resources", "limits", "pids"],
  ["scale", "replicas"],
];

function limitsAgree(subject: Subject): readonly DsoError[] {
  return LIMITS.flatMap(([own, ...deploy]) => {
    const mine = textAt(subject.service, own);
    const theirs = textAt(subject.service, "deploy", ...deploy);
    if (mine === undefined || theirs === undefined || mine === theirs) return [];
    const what = `${own} and deploy.${deploy.join(".")} differ`;
    return [fault(subject, what, get(subject.service, own), "Keep one of them.")];
  });
}

function oneContainerPerName(subject: Subject): readonly DsoError[] {
  const { service } = subject;
  const count = textAt(service, "scale") ?? textAt(service, "deploy", "replicas") ?? "1";
  const name = get(service, "container_name");
  if (!textAt(name) || Number(count) <= 1) return [];
  return [fault(subject, `container_name is for one container, not ${count}`, name)];
}

function secretsHaveSources(document: Mapping): readonly DsoError[] {
  return [...entriesOf(document.entries.get("secrets"))]
    .filter(([, secret]) => textAt(secret, "external") !== "true")
    .filter(([, secret]) => !textAt(secret, "file") && !textAt(secret, "environment"))
    .map(([name, secret]) =>
      invalid(`secrets.${name}: file or environment must be set`, secret.at),
    );
}

function namesDiffer(services: readonly (readonly [string, Node])[]): readonly DsoError[] {
  const owners = new Map<string, string>();
  return services.flatMap(([service, node]) => {
    const name = textAt(node, "container_name");
    if (!name) return [];
    const owner = owners.get(name);
    owners.set(name, service);
    if (owner === undefined) return [];
    const what = `services.${service}: the container name ${name} is taken by ${owner}`;
    return [invalid(what, get(node, "container_name")?.at)];
  });
}

/** Without recursion: a chain may be as long as there are services. */
function checkCycles(services: readonly (readonly [string, Node])[]): void {
  const graph = new Map(services.map(([name, node]) => [name, entriesOf(get(node, "depends_on"))]));
  const done = new Set<string>();
  for (const root of graph.keys()) {
    // In the order in which one led to the other, each with those that it still leads to.
    const chain = new Map([[root, [...(graph.get(root) ?? [])]]]);
    const order = [root];
    for (let name = order.at(-1); name !== undefined; name = order.at(-1)) {
      const next = done.has(name) ? undefined : chain.get(name)?.pop();
      if (next === undefined) {
        done.add(name);
        chain.delete(name);
        order.pop();
        continue;
      }
      const [target, entry] = next;
      if (chain.has(target)) {
        const cycle = [...order.slice(order.indexOf(target)), target].join(" -> ");
        throw invalid(`services depend on each other: ${cycle}`, entry.at);
      }
      chain.set(target, [...(graph.get(target) ?? [])]);
      order.push(target);
    }
  }
}
