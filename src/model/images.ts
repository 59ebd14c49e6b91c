/** What the files say of how images are to be had. */
import { DsoError } from "./errors.ts";
import type { BuildModel, ServiceModel } from "./project.ts";

/** The services whose images a build reads, by the name of the context. */
export function contextServices(build: BuildModel | undefined): ReadonlyMap<string, string> {
  const contexts = Object.entries(build?.additional_contexts ?? {});
  return new Map(
    contexts.flatMap(([name, source]): readonly [string, string][] =>
      source.startsWith("service:") ? [[name, source.slice("service:".length)]] : [],
    ),
  );
}

export type PullPolicy =
  | { readonly kind: "always" | "missing" | "never" | "build" }
  /** Once the image has been here for so long, ms. */
  | { readonly kind: "refresh"; readonly afterMs: number };

const UNITS: Readonly<Record<string, number>> = {
  w: 7 * 86_400_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
};

/** `pull_policy`, with the meanings that Compose gives its words. Throws `compose-invalid` for a word that has none. */
export function pullPolicyOf({
  pull_policy: policy = "",
  pull_refresh_after: after = "",
}: Pick<ServiceModel, "pull_policy" | "pull_refresh_after">): PullPolicy {
  switch (policy) {
    case "always":
    case "never":
    case "build":
      return { kind: policy };
    case "":
    case "missing":
    case "if_not_present":
      return { kind: "missing" };
    case "daily":
      return { kind: "refresh", afterMs: 86_400_000 };
    case "weekly":
      return { kind: "refresh", afterMs: 7 * 86_400_000 };
    case "refresh":
      return { kind: "refresh", afterMs: period(after, "pull_refresh_after") };
    default: {
      if (policy.startsWith("every_")) {
        return { kind: "refresh", afterMs: period(policy.slice("every_".length), "pull_policy") };
      }
      throw new DsoError("compose-invalid", `pull_policy "${policy}" means nothing`, {
        hint: "It is one of always, never, missing, build, daily, weekly and every_<time>, such as every_12h.",
      });
    }
  }
}

/** `2d12h`: whole numbers, each with its unit. */
function period(text: string, field: string): number {
  const parts = [...text.matchAll(/(\d+)([wdhms])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw new DsoError("compose-invalid", `${field}: "${text}" is no time`, {
      hint: "Write numbers with their units (w, d, h, m, s), such as 12h or 2d12h.",
    });
  }
  return parts.reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (UNITS[unit] ?? Number.NaN),
    0,
  );
}
