/** The parts of an image's name, as Docker reads it. */

export interface ImageName {
  /** As it is written, without tag and digest. */
  readonly name: string;
  readonly tag: string | undefined;
  /** `sha256:…` */
  readonly digest: string | undefined;
  /** Of the registry; undefined: Docker Hub. */
  readonly host: string | undefined;
  /** Behind the registry; Docker Hub's own images have no folder, or `library`. */
  readonly path: string;
}

const HUB: readonly string[] = ["docker.io", "index.docker.io"];

/** `ghcr.io/a/b:1@sha256:…`; a first part without dot, colon or capital is no host. */
export function parseImageName(image: string): ImageName {
  const [tagged = "", digest] = image.split("@", 2);
  const colon = tagged.lastIndexOf(":");
  const hasTag = colon > tagged.lastIndexOf("/");
  const name = hasTag ? tagged.slice(0, colon) : tagged;
  const tag = hasTag ? tagged.slice(colon + 1) : undefined;
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  if (!/[.:A-Z]|^localhost$/.test(first)) {
    return { name, tag, digest, host: undefined, path: name };
  }
  const host = HUB.includes(first) ? undefined : first;
  return { name, tag, digest, host, path: name.slice(slash + 1) };
}
