/** Who needs whom. */
import type { DependencyModel, ServiceModel } from "./project.ts";

/** The service whose network, ipc or process namespace or whose volumes this one uses. */
export function sharedWith(model: ServiceModel): readonly string[] {
  const modes = [model.network_mode, model.ipc, model.pid].flatMap((mode) =>
    mode?.startsWith("service:") === true ? [mode.slice("service:".length)] : [],
  );
  const volumes = (model.volumes_from ?? [])
    .filter((from) => !from.startsWith("container:"))
    .map((from) => from.split(":")[0] ?? from);
  return [...new Set([...modes, ...volumes])].sort();
}

/** Dependencies by name: what `depends_on` says, and what sharing implies. */
export function dependenciesOf(model: ServiceModel): ReadonlyMap<string, DependencyModel> {
  const shared = sharedWith(model).map((name): [string, DependencyModel] => [
    name,
    { condition: "service_started", restart: true },
  ]);
  const all = new Map([...shared, ...Object.entries(model.depends_on ?? {})]);
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}
