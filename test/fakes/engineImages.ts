/** The fake engine's images. */
import { DsoError } from "../../src/model/errors.ts";
import type { ImageDetail } from "../../src/model/observed.ts";
import type { Engine } from "../../src/model/ports.ts";
import { digest, type FakeImage, type State } from "./engineState.ts";

export function detailOf(reference: string, image: FakeImage): ImageDetail {
  return {
    id: `sha256:${digest(`image ${withTag(reference)}`)}`,
    digests: [`${reference}@${registryDigestOf(image)}`],
    user: "",
    entrypoint: null,
    command: ["/bin/idle"],
    environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    volumes: [],
    healthcheckTest: undefined,
    healthcheckIntervalMs: undefined,
    exposedPorts: [],
    os: "linux",
    arch: "amd64",
    ...image.detail,
  };
}

function registryDigestOf(image: FakeImage): string {
  return `sha256:${digest(`manifest ${JSON.stringify(image)}`)}`;
}

/** Without a tag it is `latest`; an id will do as well. */
function findImage(state: State, reference: string): FakeImage | undefined {
  const byId = [...state.images].find(([name, image]) => detailOf(name, image).id === reference);
  return state.images.get(withTag(reference)) ?? byId?.[1];
}

export function needImage(state: State, reference: string): FakeImage {
  const image = findImage(state, reference);
  if (image !== undefined) return image;
  throw new DsoError("image-missing", `the engine has no image "${reference}"`);
}

export function withTag(reference: string): string {
  const last = reference.split("/").at(-1) ?? "";
  return /[:@]/.test(last) ? reference : `${reference}:latest`;
}

export function fakeImages(
  state: State,
): Pick<Engine, "inspectImage" | "pullImage" | "registryDigest" | "readImageFile"> {
  return {
    async inspectImage(reference) {
      const image = findImage(state, reference);
      return image === undefined ? undefined : detailOf(reference, image);
    },
    async pullImage(reference, _options, progress) {
      const image = state.pullable.get(withTag(reference));
      if (image === undefined) {
        throw new DsoError("image-missing", `no registry has the image "${reference}"`);
      }
      progress(`Pulling ${reference}`);
      state.images.set(withTag(reference), image);
    },
    async registryDigest(reference) {
      const image = state.pullable.get(withTag(reference));
      if (image === undefined) {
        throw new DsoError("image-missing", `no registry has the image "${reference}"`);
      }
      return registryDigestOf(image);
    },
    async readImageFile(reference, path) {
      const text = needImage(state, reference).files?.[path];
      return text === undefined ? undefined : Buffer.from(text);
    },
  };
}
