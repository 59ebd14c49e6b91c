import { hasCode } from "../../model/errors.ts";
import { namesIn } from "./mirror.ts";

/** By the path that the container binds: the base of the user who asks may be another one. */
export function findLost(sources: ReadonlyMap<string, string>): ReadonlySet<string> {
  const holders = Map.groupBy(sources, ([id, source]) =>
    source.slice(0, source.indexOf(`/${id}/`)),
  );
  const lost = [...holders].flatMap(([holder, generations]) => {
    const there = enterable(holder);
    return generations.map(([id]) => id).filter((id) => there?.has(id) === false);
  });
  return new Set(lost);
}

/** What lies in the directory; undefined where this user may not look. */
function enterable(holder: string): ReadonlySet<string> | undefined {
  try {
    return new Set(namesIn(holder));
  } catch (error) {
    if (hasCode(error, "EACCES")) return undefined;
    throw error;
  }
}
