/** Images by what they are, in place of what they are called today. */
import type { ServiceModel } from "../../model/project.ts";
import type { LoadedProject } from "../project.ts";

/** `digestOf` is asked once for each image, in full, that names no digest by itself; it rejects where nobody knows. */
export async function pinImages(
  project: LoadedProject,
  digestOf: (image: string) => Promise<string>,
): Promise<LoadedProject> {
  const named = [...project.services.values()].flatMap(({ image }) => image ?? []);
  const pinned = new Map<string, string>();
  const pin = async (image: string): Promise<void> => {
    const { name, tag, digest } = inFull(image);
    // A tag beside a digest says nothing more.
    const full = `${name}${digest === undefined ? `:${tag}` : ""}`;
    pinned.set(image, `${full}@${digest ?? (await digestOf(full))}`);
  };
  await Promise.all([...new Set(named)].map(pin));
  const services = [...project.services].map(([key, service]): [string, ServiceModel] => {
    const image = pinned.get(service.image ?? "");
    return [key, image === undefined ? service : { ...service, image }];
  });
  return { ...project, services: new Map(services) };
}

/** What Docker makes of a name: its registry, its folder there and its tag are not always written. */
function inFull(image: string): { name: string; tag: string; digest: string | undefined } {
  const [reference = "", digest] = image.split("@", 2);
  const colon = reference.lastIndexOf(":");
  const tagged = colon > reference.lastIndexOf("/");
  const path = tagged ? reference.slice(0, colon) : reference;
  const tag = tagged ? reference.slice(colon + 1) : "latest";
  const [first = "", ...rest] = path.split("/");
  if (rest.length > 0 && /[.:]|^localhost$/.test(first) && !HUB.includes(first)) {
    return { name: path, tag, digest };
  }
  const own = HUB.includes(first) && rest.length > 0 ? rest : [first, ...rest];
  const folder = own.length === 1 ? ["library"] : [];
  return { name: ["docker.io", ...folder, ...own].join("/"), tag, digest };
}

const HUB: readonly string[] = ["docker.io", "index.docker.io"];
