/** What comes first, where several orders would do as well. */
/** Orders text by code unit: the same on every machine, whatever its locale. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
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
