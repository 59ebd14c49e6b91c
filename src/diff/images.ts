/** Which images have to be pulled or built before anything else. */
import type { Desired, DesiredService } from "../model/desired.ts";
import { pullPolicyOf } from "../model/images.ts";
import type { ImageDetail } from "../model/observed.ts";
import type { PlanOptions } from "../model/plan.ts";
import type { Situation } from "./situation.ts";

export type Fetch =
  /** `orBuild`: the service that builds it where no registry gives it. */
  | { readonly kind: "pull"; readonly orBuild: string | undefined }
  /** `by`: the service whose `build:` makes it. */
  | { readonly kind: "build"; readonly by: string };

/** How the service's image is to be had before its containers can be made anew; undefined: it is there. */
export function fetchFor(situation: Situation, service: DesiredService): Fetch | undefined {
  const { observed, options, desired } = situation;
  const maker = makerOf(desired, service);
  const build: Fetch | undefined =
    maker === undefined || options.build === "never" ? undefined : { kind: "build", by: maker };
  const pull: Fetch = { kind: "pull", orBuild: build && maker };
  const own = service.model.build !== undefined;
  const policy = policyOf(service, options);
  if (own && (options.build === "always" || policy === "build")) return build;
  const image = observed.images.get(service.image);
  const present = image !== undefined && isOfPlatform(image, service.model.platform);
  // What is only built has a name that no registry knows.
  const named = !own || Boolean(service.model.image);
  if (policy === "never") return present ? undefined : build;
  if (!present) return named ? pull : build;
  if (!named) return undefined;
  const newness = observed.newness?.get(service.image)?.kind;
  if (newness === "newer") return pull;
  return policy === "always" && newness !== "same" ? pull : undefined;
}

/** Asked for by the person, not by the file: done even where nothing else changes. */
export function isFetchRequested({ model }: DesiredService, options: PlanOptions): boolean {
  if (model.build === undefined) return options.pull === "always";
  return options.build === "always" || (options.pull === "always" && Boolean(model.image));
}

/** Its registry has another image by the name, which containers are to be made of. */
export function isOutdated(situation: Situation, service: DesiredService): boolean {
  const newer = situation.observed.newness?.get(service.image)?.kind === "newer";
  return newer && fetchFor(situation, service)?.kind === "pull";
}

/** The service that builds the image: itself, else one that has the same. */
function makerOf({ services }: Desired, service: DesiredService): string | undefined {
  const makes = (one: DesiredService): boolean =>
    one.model.build !== undefined && one.image === service.image;
  return makes(service) ? service.name : [...services.values()].find(makes)?.name;
}

/** Compose's words; a time has come to this: whether it has passed shows in what the registry was asked. */
function policyOf(
  { model }: DesiredService,
  { pull }: PlanOptions,
): "always" | "missing" | "never" | "build" {
  if (pull !== "policy") return pull;
  const { kind } = pullPolicyOf(model);
  return kind === "refresh" ? "missing" : kind;
}

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  i386: "386",
  armhf: "arm",
  armel: "arm",
};

/** `linux/arm64/v8`, `arm64` or `linux`: an image of another one is as good as none. */
function isOfPlatform({ os, arch }: ImageDetail, platform: string | undefined): boolean {
  if (!platform) return true;
  const [first = "", second] = platform.toLowerCase().split("/");
  const known = (name: string): string => ARCHITECTURES[name] ?? name;
  if (second !== undefined) return first === os && known(second) === known(arch);
  return first === os || known(first) === known(arch);
}
