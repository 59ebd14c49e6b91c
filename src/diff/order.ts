/** Who needs whom, and what therefore comes first. */
import type { DependencyModel, ServiceModel } from "../model/project.ts";

/** Orders text by code unit: the same on every machine, whatever its locale. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The service whose network, ipc or process namespace or whose volumes this one uses. */
export function sharedWith(model: ServiceModel): readonly string[] {
  const modes = [model.network_mode, model.ipc, model.pid].flatMap((mode) =>
    mode?.startsWith("service:") === true ? [mode.slice("service:".length)] : [],
  );
  const volumes = (model.volumes_from ?? [])
    .filter((from) => !from.startsWith("container:"))
    .map((from) => from.split(":")[0] ?? from);
  return [...new Set([...modes, ...volumes])].sort(byText);
}

/** Dependencies by name: what `depends_on` says, and what sharing implies. */
export function dependenciesOf(model: ServiceModel): ReadonlyMap<string, DependencyModel> {
  const shared = sharedWith(model).map((name): [string, DependencyModel] => [
    name,
    { condition: "service_started", restart: true },
  ]);
  const all = new Map([...shared, ...Object.entries(model.depends_on ?? {})]);
  return new Map([...all].sort(([a], [b]) => byText(a, b)));
}

/** Names with every dependency before its dependents; by name where both orders would do. */
export function dependencyOrder(needs: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const open = new Set<string>();
  const visit = (name: string): void => {
    // A circle has no right order; the loader refuses it, labels of strangers may hold one.
    if (done.has(name) || open.has(name) || !needs.has(name)) return;
    open.add(name);
    for (const need of [...(needs.get(name) ?? [])].sort(byText)) visit(need);
    done.add(name);
  };
  for (const name of [...needs.keys()].sort(byText)) visit(name);
  return [...done];
}
