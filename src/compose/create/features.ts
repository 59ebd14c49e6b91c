/** What the Engine API did not have from the beginning: older engines drop it without a word. */
import type { CreateContext } from "./context.ts";
import { refusal } from "./context.ts";

/** The API version that brought it. */
const SINCE = {
  annotations: "1.43",
  endpointMac: "1.44",
  recursiveReadOnly: "1.44",
  startInterval: "1.44",
  subpath: "1.45",
  gatewayPriority: "1.48",
  imageMount: "1.48",
  interfaceName: "1.49",
} as const;

/** Rejects with `compose-unsupported`, at the field, where the engine does not have the feature yet. */
export function requireFeature(
  context: CreateContext,
  feature: keyof typeof SINCE,
  ...field: readonly (string | number)[]
): void {
  const version = SINCE[feature];
  if (atLeast(context.apiVersion, version)) return;
  throw refusal(
    context,
    field,
    `needs an engine with API ${version}; this one has ${context.apiVersion}`,
    "Take it out, or use a newer engine.",
  );
}

function atLeast(actual: string, wanted: string): boolean {
  const [major = 0, minor = 0] = actual.split(".").map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
