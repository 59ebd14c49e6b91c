/** Images by what they are, in place of what they are called today. */
import { type ImageName, parseImageName } from "../../model/imageName.ts";
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
    const parsed = parseImageName(image);
    const { tag = "latest", digest } = parsed;
    // A tag beside a digest says nothing more.
    const full = `${fullName(parsed)}${digest === undefined ? `:${tag}` : ""}`;
    pinned.set(image, `${full}@${digest ?? (await digestOf(full))}`);
  };
  await Promise.all([...new Set(named)].map(pin));
  const services = [...project.services].map(([key, service]): [string, ServiceModel] => {
    const image = pinned.get(service.image ?? "");
    return [key, image === undefined ? service : { ...service, image }];
  });
  return { ...project, services: new Map(services) };
}

/** Docker's registry and its folder there are not always written. */
function fullName({ name, host, path }: ImageName): string {
  if (host !== undefined) return name;
  return `docker.io/${path.includes("/") ? "" : "library/"}${path}`;
}
